using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Pruning.Onnx;

/// <summary>Writes what is left of an analysed file, and finds out whether it computes what it must.</summary>
/// <param name="pruning">The file.</param>
/// <param name="values">Its values.</param>
/// <param name="choices">What it chose by value for the example inputs.</param>
/// <param name="preparation">What was done to its nodes before it was analysed.</param>
internal sealed class SmallerFile(OnnxPruning pruning, FileValues values, Choices choices, FilePreparation preparation)
{
    /// <summary>Writes a model that was verified before again; its values are others.</summary>
    /// <param name="removal">What goes.</param>
    /// <param name="output">The new file.</param>
    /// <param name="biases">What layers got then; they are zeros.</param>
    public void Write(Removal removal, string output, IReadOnlyList<AddedBias> biases)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        using var smaller = OnnxFile.Open(pruning.Path);
        Write(smaller, removal, additions =>
        {
            foreach (var bias in biases)
                NewBias.Add(additions, bias.Weight, bias.Outputs);
        }, output);
    }

    /// <summary>The same of a model without residual blocks.</summary>
    /// <param name="blocks">Which went.</param>
    /// <param name="output">The new file.</param>
    public void Write(IReadOnlyList<ResidualBlock> blocks, string output)
    {
        using var smaller = OnnxFile.Open(pruning.Path);
        Write(smaller, blocks, output);
    }

    private void Write(OnnxFile file, Removal removal, Action<Additions> addBiases, string path)
    {
        var additions = new Additions(file.Model);
        preparation.Apply(additions);
        var graph = file.Model.Graph!;
        foreach (var initializer in graph.Initializers)
            if (values.Find(new(graph), initializer.Name ?? "") is { } value)
                Slice(graph, initializer, value, removal);
        NodeSizes.Rewrite(additions, values, removal);
        new ComputedSizes(additions, values, removal).Correct(pruning.Inputs, new(Analysed(file.Model), path, inSingle: true), choices);
        addBiases(additions);
        ForgetSizes(graph);
        OnnxFile.Save(file.Model, path);
    }

    /// <summary>Takes out what is declared of sizes between inputs and outputs, which is not needed, and may not be so any more.</summary>
    private static void ForgetSizes(GraphProto main)
    {
        foreach (var scope in new FileScope(main).All())
        {
            scope.Graph.ValueInfos.Clear();
            if (scope.Outer is not null)
                foreach (var size in scope.Graph.Inputs.Concat(scope.Graph.Outputs).SelectMany(value => value.Type?.Tensor?.Shape?.Dims ?? []))
                    (size.Value, size.Param) = (null, null);
        }
    }

    private static void Slice(GraphProto graph, TensorProto initializer, Value value, Removal removal)
    {
        Tensor? tensor = null;
        for (var axis = 0; axis < value.SampleShape.Rank; axis++)
            if (removal.KeptOf(value, axis) is { } kept)
                tensor = AxisSelection.Select(tensor ?? initializer.Source().ToTensor(), axis, kept);
        if (tensor is null)
            return;
        initializer.SetData(TensorSource.From(initializer.Name!, tensor));
        if (graph.Inputs.Find(input => input.Name == initializer.Name)?.Type?.Tensor?.Shape is { } declared)
            foreach (var (axis, size) in initializer.Dims.Index())
                (declared.Dims[axis].Value, declared.Dims[axis].Param) = (size, null);
    }

    /// <summary>Writes the model without what goes, and compares it with the original.</summary>
    public Verification WriteAndVerify(Removal removal, PreparedCompensation? compensation, string path) =>
        WriteAndVerify(path, removal.Normalized, () => new ReferenceRun(pruning.Dependencies, removal).Run(pruning.Inputs),
            file => Write(file, removal, AddBiases(compensation), path), compensation) with { Unchecked = removal.Unchecked };

    private static Action<Additions> AddBiases(PreparedCompensation? compensation) =>
        additions => compensation?.Inputs?.AddBiases((weight, outputs) => NewBias.Add(additions, weight, outputs));

    /// <summary>Writes the model without residual blocks, and compares it with the original.</summary>
    public Verification WriteAndVerify(IReadOnlyList<ResidualBlock> blocks, PreparedCompensation? compensation, string path) =>
        WriteAndVerify(path, [], () => ResidualBlocks.RunWithZeros(pruning.Graph, blocks, pruning.Inputs),
            file => Write(file, blocks, path), compensation);

    private void Write(OnnxFile file, IReadOnlyList<ResidualBlock> blocks, string path)
    {
        new FileBlocks(file.Model.Graph!, values).Remove(blocks);
        OnnxFile.Save(file.Model, path);
    }

    private Verification WriteAndVerify(string path, IReadOnlyList<string> normalized, Func<IReadOnlyList<Tensor>> expected,
        Action<OnnxFile> write, PreparedCompensation? compensation)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var outputs = Kept(expected);
        try
        {
            using var smaller = OnnxFile.Open(pruning.Path);
            write(smaller);
            var verification = Compare(path, outputs, normalized);
            if (compensation is not null)
                CarryOut(compensation, smaller.Model, path);
            return verification;
        }
        catch (OnnxException error)
        {
            var problem = error.Message.Replace($"{path}: ", "", StringComparison.Ordinal);
            throw new VerificationException($"{pruning.Path} can't do without what would be removed, and nothing was written: {problem}", error);
        }
    }

    /// <summary>Writes a file that was verified again, with other values in the same places.</summary>
    private void CarryOut(PreparedCompensation compensation, ModelProto model, string path)
    {
        var module = new OnnxModule(Analysed(model), path, inSingle: true) { HasFixedSizes = true };
        compensation.CarryOut(FileTrace.Of(module, pruning.Inputs, choices).Graph);
        foreach (var initializer in model.Graph!.Initializers)
            if (module.Parameters.TryGetValue(initializer.Name!, out var parameter) && initializer.Source().ToTensor() is var before
                && !parameter.Data.AsReadOnlySpan<float>().SequenceEqual(before.Cast(DType.F32).AsReadOnlySpan<float>()))
                initializer.SetData(TensorSource.From(initializer.Name!, parameter.Data.Cast(before.DType)));
        OnnxFile.Save(model, path, overwrite: true);
    }

    /// <summary>What of a version of the file belongs to the graph.</summary>
    private ModelProto Analysed(ModelProto model) => choices == Choices.None ? StaticPart.Of(model) : model;

    private Verification Compare(string path, IReadOnlyList<Tensor> expected, IReadOnlyList<string> normalized)
    {
        using var file = OnnxFile.Open(path);
        return Verification.Compare(pruning.Graph, expected, Kept(() => Outputs(new(Analysed(file.Model), path, inSingle: true))), normalized);
    }

    /// <summary>What a run gives, without what it computed on the way.</summary>
    private static IReadOnlyList<Tensor> Kept(Func<IReadOnlyList<Tensor>> run)
    {
        using var scope = new TensorScope();
        return [.. run().Select(scope.Keep)];
    }

    private IReadOnlyList<Tensor> Outputs(OnnxModule module)
    {
        var run = choices.Repeat();
        var outputs = module.Named(module.Forward(pruning.Inputs, null, revise: run.Revise, recycles: choices == Choices.None))
            .ToDictionary(output => output.Name, output => output.Value);
        if (choices != Choices.None)
            RunFreely(module);
        return [.. pruning.Graph.Outputs.Select(output => outputs.TryGetValue(output.Name, out var tensor) ? tensor : run.Read[output.Name])];
    }

    /// <summary>With choices of its own the smaller model must run too, unless the original does not either, as where it finds nothing.</summary>
    private void RunFreely(OnnxModule module)
    {
        try
        {
            module.Forward(pruning.Inputs, null, recycles: true);
        }
        catch (OnnxException) when (!Runs(pruning.Module))
        {
            // The same node refuses the same choice in both.
        }

        bool Runs(OnnxModule original)
        {
            try
            {
                original.Forward(pruning.Inputs, null, recycles: true);
                return true;
            }
            catch (OnnxException)
            {
                return false;
            }
        }
    }
}
