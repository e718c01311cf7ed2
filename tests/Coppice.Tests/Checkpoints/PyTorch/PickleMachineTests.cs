using Coppice.Checkpoints;
using Coppice.Checkpoints.PyTorch;
using static Coppice.Tests.Checkpoints.PyTorch.Pickles;

namespace Coppice.Tests.Checkpoints.PyTorch;

public sealed class PickleMachineTests
{
    private const string System = "cposix\nsystem\n";

    public static TheoryData<string, byte[], string> Attacks => new()
    {
        { "reduce os.system", Of(System, Text("touch /tmp/owned"), "\x85R"), "posix.system" },
        { "reduce eval", Of("c__builtin__\neval\n", Text("1"), "\x85R"), "__builtin__.eval" },
        { "within a dict", DictOf(System, Text("x"), "\x85R"), "posix.system" },
        { "within a list", Of("](", System, Text("x"), "\x85Re"), "posix.system" },
        { "named through the stack", Of(Text("os"), Text("system"), "\x93", Text("x"), "\x85R"), "os.system" },
        { "torch function", Of("ctorch\nload\n", Text("x"), "\x85R"), "torch.load" },
        { "torch storage from bytes", Of("ctorch.storage\n_load_from_bytes\n"), "torch.storage._load_from_bytes" },
        { "attribute of an allowed module", Of("ccollections\nnamedtuple\n"), "collections.namedtuple" },
        { "dotted name", Of("ccollections\nOrderedDict.fromkeys\n"), "collections.OrderedDict.fromkeys" },
        { "numpy scalar", Of("cnumpy.core.multiarray\nscalar\n"), "numpy.core.multiarray.scalar" },
        { "global that is never called", Of("(", System, "l"), "posix.system" },
        { "class instance", Of("(iposix\nsystem\n"), "0x69" },
        { "new object", Of("ccollections\nOrderedDict\n)\x81"), "0x81" },
        { "extension code", Of("\x82\x01"), "0x82" },
        { "state of a plain dict", Of("}}b"), "state" },
    };

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "nothing", [], "cut short" },
        { "no stop", [0x80, 2, (byte)'N'], "cut short" },
        { "empty stack", Of(), "empty stack" },
        { "pop below a mark", Of("N(\x85"), "empty stack" },
        { "no mark", Of("Nt"), "not begun" },
        { "unknown memo", Of("h\x05"), "recalls" },
        { "odd dict", Of("}(Nu"), "without a value" },
        { "append to a dict", Of("}Na"), "other than a list" },
        { "list as key", Of("}(]Nu"), "key is PickleList" },
        { "none as key", Of("}(NNu"), "key is None" },
        { "string longer than the file", Of("X\xff\x00\x00\x00"), "cut short" },
        { "string over the limit", Of("X\xff\xff\xff\xff"), "over the limit" },
        { "huge 64-bit length", Of("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"), "over the limit" },
        { "text not UTF-8", Of("X\x01\x00\x00\x00\xff"), "UTF-8" },
        { "protocol 9", [0x80, 9, (byte)'N', (byte)'.'], "protocol 9" },
        { "persistent id that is no storage", Of(Text("x"), "Q"), "other than a storage" },
        { "call without a tuple", Of("ccollections\nOrderedDict\nNR"), "tuple of arguments" },
        { "tensor of nothing", Of("ctorch._utils\n_rebuild_tensor_v2\n)R"), "does not take" },
        { "deep lists", Of(new string(']', 100_000), new string('a', 99_999)), "nests more than" },
        { "list in itself", Of("]q\x00h\x00", "a"), "contains itself" },
        { "dict in itself", Of("}q\x00", Text("x"), "h\x00s"), "contains itself" },
        { "deep through sharing", Of(DeepThroughSharing()), "nests more than" },
        { "too many instructions", Of(new string('N', PickleMachine.MaxInstructions + 1)), "instructions" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Load_Attack_IsRefusedByName(string what, byte[] pickle, string named) => AssertRefused(what, pickle, named);

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Load_Damaged_IsRefused(string what, byte[] pickle, string says) => AssertRefused(what, pickle, says);

    [Fact]
    public void Load_Scalars_AreThemselves()
    {
        var value = Read(Of("(", "NI01\nI-5\nK\xffM\xff\xffJ\xff\xff\xff\xff", "\x8a\x01\xff", "G\x3f\xf0\0\0\0\0\0\0", Text("ab"),
            "U\x01z", "t"));
        Assert.Equal([null, true, -5L, 255L, 65535L, -1L, -1L, 1.0, "ab", "z"], Assert.IsType<PickleTuple>(value).Items);
    }

    [Fact]
    public void Load_Protocol4Frame_IsSkipped() =>
        Assert.Equal("ab", Read([0x80, 4, 0x95, 5, 0, 0, 0, 0, 0, 0, 0, 0x8c, 2, (byte)'a', (byte)'b', 0x94, (byte)'.']));

    [Fact]
    public void Load_SharedList_StaysShared()
    {
        var list = Assert.IsType<PickleList>(Read(Of("](]q\x00h\x00", "e")));
        Assert.Same(list.Items[0], list.Items[1]);
    }

    [Fact]
    public void Load_ManySharedLevels_IsFast()
    {
        var levels = string.Concat(Enumerable.Range(1, 50).Select(i => $"](h{(char)(i - 1)}h{(char)(i - 1)}eq{(char)i}"));
        Assert.IsType<PickleList>(Read(Of("]q\0", levels))); // 2^50 paths lead through it
    }

    /// <summary>A chain of 40 lists is kept, then put under another 40.</summary>
    private static string DeepThroughSharing() =>
        $"({new string(']', 40)}{new string('a', 39)}q\0{new string(']', 40)}h\0{new string('a', 40)}l";

    private static object? Read(byte[] pickle) => PickleMachine.Load("x.pt", pickle, new TorchCalls("x.pt"), out _);

    private static void AssertRefused(string what, byte[] pickle, string says)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(pickle));
        Assert.True(error.Message.StartsWith("x.pt: ", StringComparison.Ordinal), what);
        Assert.Contains(says, error.Message);
    }
}
