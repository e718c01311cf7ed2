using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>Interprets a pickle by an allow-list: scalars, strings, lists, tuples, dicts, tensors. Anything else is refused by
/// name.</summary>
/// <remarks>Opcodes: CPython's Lib/pickletools.py. Text opcodes that only protocol 0 writes are refused: it can't carry tensors.</remarks>
internal ref struct PickleMachine
{
    /// <summary>Most instructions of one pickle.</summary>
    public const int MaxInstructions = 8_000_000;

    /// <summary>Most values kept for reuse (the memo).</summary>
    public const int MaxMemo = 4_000_000;

    /// <summary>Most bytes of one string, byte string or number.</summary>
    public const int MaxStringBytes = 16 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
    private readonly string _path;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly TorchCalls _calls;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _at;

    private PickleMachine(string path, ReadOnlySpan<byte> bytes, TorchCalls calls)
    {
        _path = path;
        _bytes = bytes;
        _calls = calls;
    }

    /// <summary>Reads the pickle at the start of <paramref name="bytes"/>.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">The pickle, and possibly more behind it.</param>
    /// <param name="calls">The allow-list.</param>
    /// <param name="length">How many bytes the pickle takes.</param>
    /// <exception cref="CheckpointException">The pickle is damaged, exceeds a limit, or asks for something not on the
    /// allow-list.</exception>
    public static object? Load(string path, ReadOnlySpan<byte> bytes, TorchCalls calls, out int length)
    {
        var machine = new PickleMachine(path, bytes, calls);
        var value = machine.Run();
        PickleDepth.Check(path, value);
        length = machine._at;
        return value;
    }

    /// <summary>A key that a dict may have.</summary>
    public static object CheckKey(string path, object? key) => key is string or long or bool or double
        ? key
        : throw new CheckpointException(path,
            $"the pickle has a dict whose key is {key?.GetType().Name ?? "None"}, not a string, number or bool",
            "Save the state dict alone.");

    private object? Run()
    {
        for (var count = 0; count < MaxInstructions; count++)
        {
            var opcode = (Opcode)Take(1)[0];
            if (opcode == Opcode.Stop)
                return Pop();
            Execute(opcode);
        }
        throw Error($"has more than {MaxInstructions} instructions");
    }

    private void Execute(Opcode opcode)
    {
        if (!TryScalar(opcode) && !TryContainer(opcode) && !TryMemo(opcode) && !TryCall(opcode))
            throw Error($"uses instruction 0x{(int)opcode:x2}, which no tensor or plain container needs");
    }

    private bool TryScalar(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.None: Push(null); break;
            case Opcode.NewTrue: Push(true); break;
            case Opcode.NewFalse: Push(false); break;
            case Opcode.BinInt: Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case Opcode.BinInt1: Push((long)Take(1)[0]); break;
            case Opcode.BinInt2: Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case Opcode.Int: Push(TextInteger()); break;
            case Opcode.Long1: PushLong(Take(1)[0]); break;
            case Opcode.Long4: PushLong(Length(4)); break;
            case Opcode.BinFloat: Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case Opcode.ShortBinString or Opcode.ShortBinUnicode: Push(Text(Take(1)[0])); break;
            case Opcode.BinString or Opcode.BinUnicode: Push(Text(Length(4))); break;
            case Opcode.BinUnicode8: Push(Text(Length(8))); break;
            case Opcode.ShortBinBytes: Push(Take(Take(1)[0]).ToArray()); break;
            case Opcode.BinBytes: Push(Take(Length(4)).ToArray()); break;
            case Opcode.BinBytes8: Push(Take(Length(8)).ToArray()); break;
            default: return false;
        }
        return true;
    }

    private bool TryContainer(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.Mark: _marks.Push(_stack.Count); break;
            case Opcode.Pop: PopOrMark(); break;
            case Opcode.PopMark: PopToMark(); break;
            case Opcode.Dup: Push(Top()); break;
            case Opcode.EmptyList: Push(new PickleList()); break;
            case Opcode.EmptyDict: Push(new PickleDict(isOrdered: false)); break;
            case Opcode.EmptyTuple: Push(new PickleTuple([])); break;
            case Opcode.Tuple: Push(new PickleTuple(PopToMark())); break;
            case Opcode.Tuple1 or Opcode.Tuple2 or Opcode.Tuple3: Push(new PickleTuple(PopMany(opcode - Opcode.Tuple1 + 1))); break;
            case Opcode.List: Extend(new PickleList(), PopToMark(), push: true); break;
            case Opcode.Append: Append(PopMany(1)); break;
            case Opcode.Appends: Append(PopToMark()); break;
            case Opcode.Dict: SetItems(new PickleDict(isOrdered: false), PopToMark(), push: true); break;
            case Opcode.SetItem: SetItems(PopMany(2)); break;
            case Opcode.SetItems: SetItems(PopToMark()); break;
            default: return false;
        }
        return true;
    }

    private bool TryMemo(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.BinGet: Push(Recall(Take(1)[0])); break;
            case Opcode.LongBinGet: Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case Opcode.BinPut: Memorise(Take(1)[0]); break;
            case Opcode.LongBinPut: Memorise(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case Opcode.Memoize: Memorise(_memo.Count); break;
            default: return false;
        }
        return true;
    }

    private bool TryCall(Opcode opcode)
    {
        switch (opcode)
        {
            case Opcode.Proto:
                if (Take(1)[0] is > 5 and var version)
                    throw Error($"is of protocol {version}; protocols up to 5 are known");
                break;
            case Opcode.Frame: Take(8); break;
            case Opcode.Global: Push(_calls.Global(Line(), Line())); break;
            case Opcode.StackGlobal:
                Push(PopMany(2) is [string module, string name]
                    ? _calls.Global(module, name)
                    : throw Error("names a global by something other than text"));
                break;
            case Opcode.Reduce:
                var call = PopMany(2);
                Push(_calls.Call(call[0], call[1]));
                break;
            case Opcode.BinPersId: Push(_calls.Persistent(Pop())); break;
            case Opcode.Build: Build(Pop()); break;
            default: return false;
        }
        return true;
    }

    private void Build(object? state)
    {
        if (Top() is not PickleDict { IsOrdered: true } dict || state is not PickleDict)
            throw Error("sets the state of something other than an OrderedDict");
        dict.Attributes = state;
    }

    private void Append(object?[] items) =>
        Extend(Top() as PickleList ?? throw Error("appends to something other than a list"), items, push: false);

    private void Extend(PickleList list, object?[] items, bool push)
    {
        list.Items.AddRange(items);
        if (push)
            Push(list);
    }

    private void SetItems(object?[] items) =>
        SetItems(Top() as PickleDict ?? throw Error("sets items of something other than a dict"), items, push: false);

    private void SetItems(PickleDict dict, object?[] items, bool push)
    {
        if (items.Length % 2 != 0)
            throw Error("sets a dict's key without a value");
        for (var i = 0; i < items.Length; i += 2)
            dict.Items[CheckKey(_path, items[i])] = items[i + 1];
        if (push)
            Push(dict);
    }

    private readonly void Push(object? value) => _stack.Add(value);

    private object? Pop() => PopMany(1)[0];

    private readonly object? Top() => _stack.Count > Floor() ? _stack[^1] : throw Error("takes a value from an empty stack");

    /// <summary>Values below the last mark can't be taken before the mark is.</summary>
    private readonly int Floor() => _marks.TryPeek(out var mark) ? mark : 0;

    private readonly object?[] PopMany(int count)
    {
        if (_stack.Count - count < Floor())
            throw Error("takes a value from an empty stack");
        return CutFrom(_stack.Count - count);
    }

    private readonly object?[] PopToMark() =>
        _marks.TryPop(out var mark) ? CutFrom(mark) : throw Error("closes a container that was not begun");

    private readonly void PopOrMark()
    {
        if (_marks.Count > 0 && _marks.Peek() == _stack.Count)
            _marks.Pop();
        else
            PopMany(1);
    }

    private readonly object?[] CutFrom(int start)
    {
        var items = _stack[start..].ToArray();
        _stack.RemoveRange(start, items.Length);
        return items;
    }

    private readonly object? Recall(long key) =>
        _memo.TryGetValue(key, out var value) ? value : throw Error($"recalls value {key}, which it did not store");

    private readonly void Memorise(long key)
    {
        if (_memo.Count >= MaxMemo)
            throw Error($"stores more than {MaxMemo} values");
        _memo[key] = Top();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at)
            throw Error("is cut short");
        _at += count;
        return _bytes.Slice(_at - count, count);
    }

    private int Length(int size)
    {
        var bytes = Take(size);
        var length = size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return length <= MaxStringBytes ? (int)length : throw Error($"has a string of {length} bytes, over the limit of {MaxStringBytes}");
    }

    private string Text(int length)
    {
        try
        {
            return StrictUtf8.GetString(Take(length));
        }
        catch (DecoderFallbackException error)
        {
            throw Error("has text that is not UTF-8", error);
        }
    }

    private string Line()
    {
        var end = _bytes[_at..].IndexOf((byte)'\n');
        if (end is < 0 or > 1024)
            throw Error("has a name that does not end");
        var line = Text(end);
        Take(1);
        return line;
    }

    private object TextInteger() => Line() switch
    {
        "00" => false,
        "01" => true,
        var line when long.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) => value,
        var line => throw Error($"has the number '{line}'"),
    };

    private void PushLong(int length)
    {
        var value = new BigInteger(Take(length));
        Push(value >= long.MinValue && value <= long.MaxValue ? (long)value : (object)value);
    }

    private readonly CheckpointException Error(string problem, Exception? cause = null) =>
        new(_path, $"the pickle {problem} (byte {_at})", "The file is damaged or no PyTorch checkpoint; save its state dict again.", cause);

    private enum Opcode : byte
    {
        Mark = (byte)'(', Stop = (byte)'.', Pop = (byte)'0', PopMark = (byte)'1', Dup = (byte)'2',
        None = (byte)'N', NewTrue = 0x88, NewFalse = 0x89, Int = (byte)'I', BinInt = (byte)'J', BinInt1 = (byte)'K', BinInt2 = (byte)'M',
        Long1 = 0x8a, Long4 = 0x8b, BinFloat = (byte)'G',
        BinString = (byte)'T', ShortBinString = (byte)'U', BinUnicode = (byte)'X', ShortBinUnicode = 0x8c, BinUnicode8 = 0x8d,
        BinBytes = (byte)'B', ShortBinBytes = (byte)'C', BinBytes8 = 0x8e,
        EmptyList = (byte)']', Append = (byte)'a', Appends = (byte)'e', List = (byte)'l',
        EmptyTuple = (byte)')', Tuple = (byte)'t', Tuple1 = 0x85, Tuple2 = 0x86, Tuple3 = 0x87,
        EmptyDict = (byte)'}', Dict = (byte)'d', SetItem = (byte)'s', SetItems = (byte)'u',
        BinGet = (byte)'h', LongBinGet = (byte)'j', BinPut = (byte)'q', LongBinPut = (byte)'r', Memoize = 0x94,
        Proto = 0x80, Frame = 0x95, Global = (byte)'c', Inst = (byte)'i', StackGlobal = 0x93, Reduce = (byte)'R',
        BinPersId = (byte)'Q', Build = (byte)'b',
    }
}
