namespace Coppice.Checkpoints.PyTorch;

/// <summary>The allow-list: what a pickle may name and "call". Calls build the values of this reader; no code is looked up or
/// run.</summary>
internal sealed class TorchCalls(string path)
{
    /// <summary>Most elements that an expanded view (stride 0) may have beyond its storage.</summary>
    public const long MaxExpandedElements = 1L << 31;

    private static readonly HashSet<string> Callable =
    [
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_parameter",
        "collections.OrderedDict", "torch.Size", "_codecs.encode",
    ];

    private readonly Dictionary<string, TorchStorage> _storages = [];

    /// <summary>Every storage that was referred to.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    /// <summary>Stands for a global of the allow-list.</summary>
    /// <exception cref="CheckpointException">The global is not on the list; the message has its full name.</exception>
    public PickleGlobal Global(string module, string name)
    {
        var global = new PickleGlobal(module, name);
        if (Callable.Contains(global.FullName) || module == "torch" && TorchTypes.TryParse(name, out _))
            return global;
        throw new CheckpointException(path,
            $"the pickle refers to {global.FullName}, which is not a tensor or a plain container; it was not run",
            "If you trust the file, load it in Python and save only the state dict, best as safetensors.");
    }

    /// <summary>The value of calling a global with arguments.</summary>
    public object Call(object? function, object? arguments)
    {
        if (function is not PickleGlobal global || arguments is not PickleTuple { Items: var args })
            throw Error("calls something that is not a function with a tuple of arguments");
        return global.FullName switch
        {
            "collections.OrderedDict" => OrderedDict(args),
            "torch._utils._rebuild_tensor_v2" when args is [TorchStorage storage, long offset, var size, var stride, bool grad, ..] =>
                Tensor(storage, offset, size, stride, grad),
            "torch._utils._rebuild_tensor" when args is [TorchStorage storage, long offset, var size, var stride] =>
                Tensor(storage, offset, size, stride, false),
            "torch._utils._rebuild_parameter" when args is [TorchTensor tensor, bool grad, ..] =>
                tensor with { IsParameter = true, RequiresGrad = grad },
            "torch.Size" when args is [PickleTuple sizes] => new PickleTuple(sizes.Items, isSize: true),
            "_codecs.encode" when args is [string text, "latin1"] && text.All(letter => letter < 256) =>
                text.Select(letter => (byte)letter).ToArray(),
            _ => throw Error($"calls {global.FullName} with arguments it does not take"),
        };
    }

    /// <summary>The storage behind a persistent id: ('storage', class, key, device, count[, view]).</summary>
    public object Persistent(object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal { Module: "torch" } type, string key, string, long count, .. var more] }
            || !TorchTypes.TryParse(type.Name, out var dtype))
            throw Error("refers to something other than a storage");
        if (more is not ([] or [null]))
            throw Error($"has a view of storage '{key}', as PyTorch before 0.4 wrote them", "Load and save it again with a newer PyTorch.");
        if (count < 0 || count > long.MaxValue / 16)
            throw Error($"claims {count} elements for storage '{key}'");
        if (!_storages.TryGetValue(key, out var storage))
            _storages.Add(key, storage = new(key, dtype, count));
        if (storage.DType != dtype || storage.Count != count)
            throw Error($"describes storage '{key}' in two ways");
        return storage;
    }

    private PickleDict OrderedDict(object?[] args)
    {
        var dict = new PickleDict(isOrdered: true);
        if (args is [])
            return dict;
        if (args is not [PickleList { Items: var pairs }])
            throw Error("calls collections.OrderedDict with arguments it does not take");
        foreach (var pair in pairs) // how Python 2 pickled them
        {
            var (key, value) = pair switch
            {
                PickleTuple { Items: [var first, var second] } => (first, second),
                PickleList { Items: [var first, var second] } => (first, second),
                _ => throw Error("builds an OrderedDict from something other than pairs"),
            };
            dict.Items[PickleMachine.CheckKey(path, key)] = value;
        }
        return dict;
    }

    private TorchTensor Tensor(TorchStorage storage, long offset, object? size, object? stride, bool requiresGrad)
    {
        if (Numbers(size) is not { } sizes || Numbers(stride) is not { } strides || sizes.Length != strides.Length || sizes.Length > 64)
            throw Error("describes a tensor whose sizes and strides are not matching tuples of at most 64 numbers");
        if (!TensorSizes.TryCreate(sizes, storage.DType, out var shape, out _))
            throw Error($"describes a tensor of impossible shape [{string.Join(", ", sizes)}]");
        Int128 last = offset;
        for (var axis = 0; axis < sizes.Length; axis++)
            last += (Int128)Math.Max(0, sizes[axis] - 1) * strides[axis];
        if (offset < 0 || strides.Any(step => step < 0) || shape.Count > 0 && last >= storage.Count)
            throw Error($"describes a tensor of shape {shape}, strides [{string.Join(", ", strides)}] and offset {offset} "
                + $"that is not within its storage '{storage.Key}' of {storage.Count} elements");
        if (shape.Count - storage.Count > MaxExpandedElements)
            throw Error($"expands storage '{storage.Key}' of {storage.Count} elements to shape {shape}, "
                + $"over the limit of {MaxExpandedElements} more");
        return new(storage, offset, shape, strides, requiresGrad);
    }

    private static long[]? Numbers(object? value) =>
        value is PickleTuple { Items: var items } && items.All(item => item is long) ? [.. items.Select(item => (long)item!)] : null;

    private CheckpointException Error(string problem,
        string remedy = "The file is damaged or no PyTorch checkpoint; save its state dict again.") =>
        new(path, "the pickle " + problem, remedy);
}
