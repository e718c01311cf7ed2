using Coppice.Models.Bert;

namespace Coppice.Tests.Models.Bert;

public sealed class BertClassifierTests
{
    [Theory]
    [InlineData(64, 32, 32)]
    [InlineData(64, 100, 64)]
    [InlineData(64, null, 64)]
    [InlineData(600, null, 512)]
    public void UsualLength_IsThatOfTrainingAsFarAsThereArePositions(int positions, int? padSize, int expected) =>
        Assert.Equal(expected, new BertClassifier(new BertConfig(11, 8, 1, 2, 16, positions, PadSize: padSize)).UsualLength);
}
