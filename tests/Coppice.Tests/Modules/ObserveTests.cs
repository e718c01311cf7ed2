using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Models.Llama;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class ObserveTests
{
    private static readonly Tensor Ids = Tensor.From<long>([1, 2, 3, 4, 5, 6], [2, 3]);

    public static TheoryData<string> Names => ["gpt2", "bert", "llama", "resnet20", "resnet18", "mobilenet_v2", "vgg11", "lenet", "mnist-cnn"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Observe_AnyModuleThatRuns_ShowsItsOutput(string name)
    {
        var (model, run) = Create(name);
        var modules = model.NamedModules().ToDictionary(named => named.Name, named => named.Module);
        var outputs = new Dictionary<string, Tensor>();
        foreach (var (path, module) in modules)
            module.Observe(output => outputs[path] = output);
        var result = run();
        // Lists of modules compute nothing themselves.
        Assert.All(modules.Keys.Except(outputs.Keys),
            path => Assert.StartsWith("ModuleList", modules[path].GetType().Name, StringComparison.Ordinal));
        Assert.Same(result, outputs[""]);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("bert")]
    [InlineData("llama")]
    public void Observe_Attention_ShowsWhatItMixes(string name)
    {
        var (model, run) = Create(name);
        var (path, attention) = model.NamedModules().First(named => named.Module is ISelfAttention);
        var seen = new Dictionary<ObservationPoint, Tensor>();
        foreach (var point in (ObservationPoint[])[ObservationPoint.Queries, ObservationPoint.Keys, ObservationPoint.Values])
            attention.Observe(tensor => seen[point] = tensor, point);
        Tensor? mixed = null;
        if (name != "bert")
            ((Layer)model.Find(path + (name == "gpt2" ? ".c_proj" : ".o_proj"))).RegisterForwardPreHook((_, input) => mixed = input);
        else
            attention.Observe(output => mixed = output);
        run();
        Assert.All(seen.Values, tensor => Assert.Equal<Shape>([2, 2, 3, 4], tensor.Shape));
        var (queries, keys, values) = (seen[ObservationPoint.Queries], seen[ObservationPoint.Keys], seen[ObservationPoint.Values]);
        var kind = (ISelfAttention)attention;
        Assert.Equal(queries.Attention(keys, values, kind.IsCausal, scale: kind.Scale).ToArray<float>(), mixed!.ToArray<float>());
    }

    [Fact]
    public void Observe_Disposed_ShowsNothingMore()
    {
        var layer = new Activation("relu");
        var seen = 0;
        using (layer.Observe(_ => seen++))
            layer.Forward(Tensor.Zeros([1]));
        layer.Forward(Tensor.Zeros([1]));
        Assert.Equal(1, seen);
    }

    [Fact]
    public void Observe_ALayerWithHooks_ShowsWhatTheyMadeOfTheOutput()
    {
        var layer = new Activation("relu");
        Tensor? seen = null;
        using var observation = layer.Observe(output => seen = output);
        using (layer.RegisterForwardHook((_, output) => output.Add(Tensor.Full([1], 1))))
        using (layer.RegisterForwardHook((at, output) => ReferenceEquals(at, layer) ? output.Multiply(Tensor.Full([1], 2)) : output))
            Assert.Equal([2, 6], layer.Forward(Tensor.From<float>([-1, 2], [2])).ToArray<float>());
        Assert.Equal([2, 6], seen!.ToArray<float>());
        Assert.Equal([0, 2], layer.Forward(Tensor.From<float>([-1, 2], [2])).ToArray<float>());
    }

    [Fact]
    public void Find_OfAWrongPath_NamesTheNearest()
    {
        var error = Assert.Throws<ArgumentException>(() => Create("gpt2").Model.Find("transformers.h.1"));
        Assert.Contains("The nearest are 'transformer.h.1'", error.Message, StringComparison.Ordinal);
    }

    private static (Module Model, Func<Tensor> Run) Create(string name)
    {
        var random = new RandomSource(0);
        switch (name)
        {
            case "gpt2":
                var gpt2 = Filled(new Gpt2LMHeadModel(new(11, 8, 2, 2, 4)), random);
                return (gpt2, () => gpt2.Forward(Ids));
            case "bert":
                var bert = Filled(new BertClassifier(new BertConfig(11, 8, 2, 2, 16, 4)), random);
                return (bert, () => bert.Forward(Ids));
            case "llama":
                var llama = Filled(new LlamaForCausalLM(new(11, 8, 12, 2, 2, 4)), random);
                return (llama, () => llama.Forward(Ids));
            default:
                var architecture = VisionModels.Find(name)!;
                var model = architecture.Create(3);
                var size = Math.Min(architecture.Size, 32);
                return (model, () => model.Forward(Tensor.Zeros([1, architecture.Channels, size, size])));
        }
    }

    private static T Filled<T>(T model, RandomSource random) where T : Module
    {
        foreach (var (_, parameter) in model.NamedParameters())
            foreach (ref var value in parameter.Data.AsSpan<float>())
                value = random.NextSingle() - 0.5f;
        return model;
    }
}
