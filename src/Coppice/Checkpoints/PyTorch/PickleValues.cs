using Coppice.Tensors;

namespace Coppice.Checkpoints.PyTorch;

// Values of a pickle: null, bool, long, BigInteger, double, string, byte[], and the classes below. Nothing else can come out of a reader.

/// <summary>A dict or OrderedDict; keys are strings, numbers or bools.</summary>
internal sealed class PickleDict(bool isOrdered)
{
    public bool IsOrdered => isOrdered;

    public OrderedDictionary<object, object?> Items { get; } = [];

    /// <summary>Attributes set on an OrderedDict, such as a state dict's <c>_metadata</c>.</summary>
    public object? Attributes { get; set; }
}

/// <summary>A list.</summary>
internal sealed class PickleList
{
    public List<object?> Items { get; } = [];
}

/// <summary>A tuple, or a torch.Size.</summary>
internal sealed class PickleTuple(object?[] items, bool isSize = false)
{
    public object?[] Items => items;

    public bool IsSize => isSize;
}

/// <summary>A class or function of the allow-list; it stands for a name and is never run.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName => $"{Module}.{Name}";
}

/// <summary>A storage that a pickle refers to: the flat elements that tensors view.</summary>
internal sealed class TorchStorage(string key, DType dtype, long count)
{
    public string Key => key;

    public DType DType => dtype;

    /// <summary>Number of elements.</summary>
    public long Count => count;

    /// <summary>The elements' bytes; known once the pickle is read.</summary>
    public ByteBlock? Bytes { get; set; }
}

/// <summary>A tensor as pickled: a view of a storage, in elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, Shape Shape, long[] Strides, bool RequiresGrad)
{
    /// <summary>Whether it was saved as an nn.Parameter.</summary>
    public bool IsParameter { get; init; }

    /// <summary>The tensor as something to read, under a name.</summary>
    public TensorSource ToSource(string name)
    {
        var start = Shape.Count == 0 ? 0 : Offset * Storage.DType.ByteSize();
        return IsContiguous()
            ? new FileTensor(name, Storage.DType, Shape, Storage.Bytes!, start)
            : new StridedTensor(name, Storage.DType, Shape, Storage.Bytes!, start, Strides);
    }

    private bool IsContiguous()
    {
        if (Shape.Count == 0)
            return true;
        long step = 1;
        for (var axis = Shape.Rank - 1; axis >= 0; axis--)
        {
            if (Shape[axis] != 1 && Strides[axis] != step)
                return false;
            step *= Shape[axis];
        }
        return true;
    }
}
