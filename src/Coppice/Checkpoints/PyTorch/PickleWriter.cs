using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>Pickles plain containers and tensors in protocol 2, as <c>torch.save</c> does. Each distinct memory becomes one
/// storage.</summary>
internal sealed class PickleWriter(string path, IReadOnlyDictionary<TensorSlot, IReadOnlyList<SlotTensor>> replacements)
{
    private readonly ArrayBufferWriter<byte> _out = new();
    private readonly Dictionary<object, int> _memo = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> _texts = [];
    private readonly OrderedDictionary<object, TensorSource> _storages = [];
    private int _memorised;

    /// <summary>The storages that were referred to; their keys are their indices.</summary>
    public IReadOnlyList<TensorSource> Storages => _storages.Values;

    /// <summary>The pickle of one value.</summary>
    /// <exception cref="CheckpointException">A tensor's type has no storage class.</exception>
    public byte[] Write(object? root)
    {
        Bytes(0x80, 2);
        Value(root);
        Bytes('.');
        return _out.WrittenSpan.ToArray();
    }

    private void Value(object? value)
    {
        switch (value)
        {
            case null: Bytes('N'); break;
            case bool flag: Bytes(flag ? 0x88 : 0x89); break;
            case long number: Integer(number); break;
            case BigInteger number: Long(number); break;
            case double number: Double(number); break;
            case string text: Text(text); break;
            case byte[] bytes: ByteString(bytes); break;
            case TorchTensor tensor: Tensor(tensor, tensor.ToSource("")); break;
            case TensorSource source: Tensor(null, source); break;
            default: Container(value); break;
        }
    }

    private void Container(object value)
    {
        if (Recall(_memo, value))
            return;
        switch (value)
        {
            case PickleDict dict:
                Dict(dict);
                break;
            case PickleList list:
                Bytes(']');
                Memorise(_memo, value);
                Items(list.Items, 'e');
                break;
            case PickleTuple tuple:
                Tuple(tuple);
                Memorise(_memo, value);
                break;
            default:
                throw new InvalidOperationException($"A {value.GetType().Name} can't be pickled.");
        }
    }

    private void Dict(PickleDict dict)
    {
        if (dict.IsOrdered)
            Call("collections", "OrderedDict");
        else
            Bytes('}');
        Memorise(_memo, dict);
        Bytes('(');
        foreach (var (key, value) in dict.Items)
        {
            if (key is string name && replacements.TryGetValue(new(dict, name), out var tensors))
            {
                Replaced(value as TorchTensor, tensors);
                continue;
            }
            Value(key);
            Value(value);
        }
        Bytes('u');
        if (dict.Attributes is null)
            return;
        Value(dict.Attributes);
        Bytes('b');
    }

    /// <summary>The first takes the original's place and kind; others are plain tensors.</summary>
    private void Replaced(TorchTensor? original, IReadOnlyList<SlotTensor> tensors)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            Text(tensors[i].Key);
            Tensor(i == 0 ? original : null, tensors[i].Source);
        }
    }

    private void Tuple(PickleTuple tuple)
    {
        if (tuple.IsSize)
            Global("torch", "Size");
        Items(tuple.Items, 't');
        if (tuple.IsSize)
            Bytes(0x85, 'R');
    }

    private void Items(IEnumerable<object?> items, char close)
    {
        Bytes('(');
        foreach (var item in items)
            Value(item);
        Bytes(close);
    }

    /// <summary>A tensor is written contiguous, whatever its strides were.</summary>
    private void Tensor(TorchTensor? original, TensorSource source)
    {
        if (original is { IsParameter: true })
        {
            Global("torch._utils", "_rebuild_parameter");
            Bytes('(');
        }
        Global("torch._utils", "_rebuild_tensor_v2");
        Bytes('(');
        Storage(source);
        Integer(0);
        Items(source.Shape.Select(size => (object?)(long)size), 't');
        Items(ContiguousStrides(source).Select(stride => (object?)stride), 't');
        Bytes(original is { RequiresGrad: true, IsParameter: false } ? 0x88 : 0x89);
        Call("collections", "OrderedDict"); // backward hooks: none
        Bytes('t', 'R');
        if (original is not { IsParameter: true })
            return;
        Bytes(original.RequiresGrad ? 0x88 : 0x89);
        Call("collections", "OrderedDict");
        Bytes('t', 'R');
    }

    private void Storage(TensorSource source)
    {
        var storageClass = TorchTypes.ClassOf(source.DType) ?? throw new CheckpointException(path,
            $"tensor '{source.Name}' is of type {source.DType}, which the PyTorch format can't hold", "Save it as safetensors.");
        _storages.TryAdd(source.Identity, source);
        Bytes('(');
        Text("storage");
        Global("torch", storageClass);
        Text($"{_storages.IndexOf(source.Identity)}");
        Text("cpu");
        Integer(source.Count);
        Bytes('t', 'Q');
    }

    private static long[] ContiguousStrides(TensorSource source)
    {
        var strides = new long[source.Shape.Rank];
        long step = 1;
        for (var axis = strides.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = step;
            step *= Math.Max(1, source.Shape[axis]);
        }
        return strides;
    }

    private void ByteString(byte[] bytes)
    {
        Global("_codecs", "encode");
        Bytes('(');
        Text(Encoding.Latin1.GetString(bytes));
        Text("latin1");
        Bytes('t', 'R');
    }

    private void Call(string module, string name)
    {
        Global(module, name);
        Bytes(')', 'R');
    }

    private void Global(string module, string name)
    {
        var line = $"c{module}\n{name}\n";
        if (Recall(_texts, line))
            return;
        _out.Write(Encoding.ASCII.GetBytes(line));
        Memorise(_texts, line);
    }

    private void Text(string text)
    {
        var key = "X" + text; // apart from globals
        if (Recall(_texts, key))
            return;
        var bytes = Encoding.UTF8.GetBytes(text);
        Bytes('X');
        Little(bytes.Length, 4);
        _out.Write(bytes);
        Memorise(_texts, key);
    }

    private void Integer(long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            Bytes('J');
            Little(value, 4);
        }
        else
        {
            Long(value);
        }
    }

    private void Long(BigInteger value)
    {
        var bytes = value.ToByteArray();
        if (bytes.Length <= byte.MaxValue)
        {
            Bytes(0x8a, bytes.Length);
        }
        else
        {
            Bytes(0x8b);
            Little(bytes.Length, 4);
        }
        _out.Write(bytes);
    }

    private void Double(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        Bytes('G');
        _out.Write(bytes);
    }

    private bool Recall<T>(Dictionary<T, int> memo, T value) where T : notnull
    {
        if (!memo.TryGetValue(value, out var index))
            return false;
        Bytes('j');
        Little(index, 4);
        return true;
    }

    private void Memorise<T>(Dictionary<T, int> memo, T value) where T : notnull
    {
        memo.Add(value, _memorised);
        Bytes('r');
        Little(_memorised++, 4);
    }

    private void Little(long value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _out.Write(bytes[..size]);
    }

    private void Bytes(params ReadOnlySpan<int> bytes)
    {
        foreach (var value in bytes)
            _out.Write([(byte)value]);
    }
}
