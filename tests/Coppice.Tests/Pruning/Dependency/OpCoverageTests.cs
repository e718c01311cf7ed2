using Coppice.Pruning.Dependency;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class OpCoverageTests
{
    [Fact]
    public void Rules_AreThereForEveryOp() => Assert.Empty(typeof(Op).Assembly.GetExportedTypes()
        .Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract && !CouplingRules.Knows(type)));
}
