using Coppice.Onnx;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Pruning.Onnx;

public sealed class AdditionsTests
{
    [Fact]
    public void FreeName_AskedAgain_IsNeverTakenByAnything()
    {
        var additions = Of(Body("then_branch", [], ["w_3"], Node("Relu", ["x"], ["w_3"])));
        Assert.Equal(["w_2", "w_4", "w_5"], [additions.FreeName("w"), additions.FreeName("w"), additions.Store("w", Tensor.Zeros([1]))]);
        Assert.Equal(["w", "w_5"], additions.Model.Graph!.Initializers.Select(tensor => tensor.Name));
    }

    [Fact]
    public void NameElsewhere_NameOfOneThing_StaysItsOwn()
    {
        var additions = Of(Body("then_branch", [], ["w"], Node("Relu", ["x"], ["w"]), Node("Relu", ["x"], ["v"])));
        Assert.Equal(["v", "w_2", "w"], [additions.NameElsewhere("v"), additions.NameElsewhere("w"), additions.NameElsewhere("w")]);
    }

    private static Additions Of(AttributeProto body)
    {
        var graph = new TinyOnnx().Weight("w", 2).Add("If", ["c"], "y", body).Graph;
        return new(new ModelProto { IrVersion = 8, Graph = graph });
    }
}
