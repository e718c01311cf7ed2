using System.Diagnostics.CodeAnalysis;
using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>A part of a network: named parameters, buffers and child modules, in the order they were registered.</summary>
/// <remarks>Names are torch's: a child's name, a dot, the parameter's name; so state dictionaries are Hugging Face's and torchvision's own.</remarks>
public abstract class Module
{
    private readonly OrderedDictionary<string, Parameter> _parameters = [];
    private readonly OrderedDictionary<string, Tensor> _buffers = [];
    private readonly OrderedDictionary<string, Module> _children = [];
    private readonly List<(ObservationPoint Point, Action<Tensor> Observer)> _observers = [];

    /// <summary>Whether dropout and batch statistics are active. Off after construction: models are opened for use first, for training on request.</summary>
    public bool IsTraining { get; private set; }

    /// <summary>Parameters held by this module itself, by name.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => _parameters;

    /// <summary>Tensors that are state but not trained, held by this module itself, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Buffers => _buffers;

    /// <summary>Child modules by name.</summary>
    public IReadOnlyDictionary<string, Module> Children => _children;

    /// <summary>Switches this module and all below it between training and evaluation.</summary>
    public void Train(bool training = true)
    {
        foreach (var (_, module) in NamedModules())
            module.IsTraining = training;
    }

    /// <summary>This module (under the empty name) and all below it, each once, parents first.</summary>
    public IEnumerable<(string Name, Module Module)> NamedModules(string prefix = "") => WalkModules(prefix, []);

    /// <summary>Every parameter below this module with its full name, each once; a masked one is named <c>..._orig</c>, as in torch.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedParameters()
    {
        var seen = new HashSet<Parameter>();
        foreach (var (path, module) in NamedModules())
            foreach (var (name, parameter) in module._parameters)
                if (seen.Add(parameter))
                    yield return (Join(path, StoredName(name, parameter)), parameter);
    }

    /// <summary>The same, each under the name it has without a mask: <c>...weight</c>, never <c>..._orig</c>.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> ParametersByPlainName() =>
        NamedParameters().Select(entry => (entry.Parameter.Mask is null ? entry.Name : MaskedName.WeightOfOriginal(entry.Name)!, entry.Parameter));

    /// <summary>Every tensor of the state with its full name, in torch's order: of each module the parameters, then the buffers and masks,
    /// then the children. Tied weights appear under each name.</summary>
    public OrderedDictionary<string, Tensor> StateDict()
    {
        var state = new OrderedDictionary<string, Tensor>();
        CollectState("", state);
        return state;
    }

    /// <summary>Copies values from a state dictionary into this module. Masks found there (<c>..._orig</c> with <c>..._mask</c>) are put in force.</summary>
    /// <param name="state">Full names to tensors.</param>
    /// <param name="strict">Whether missing or unexpected names are an error; else they are only reported.</param>
    /// <exception cref="StateDictException">Shapes differ, or names do where <paramref name="strict"/> is set. Nothing has been changed then.</exception>
    public StateDictReport LoadStateDict(IReadOnlyDictionary<string, Tensor> state, bool strict = true) =>
        LoadStateDict(state.ToDictionary(entry => entry.Key, entry => entry.Value.Shape), (name, target) => target.CopyFrom(state[name]), strict);

    /// <summary>Fills this module from anything that stores tensors by name, reading each where it belongs without a copy between.</summary>
    /// <param name="shapes">The shape stored under each full name.</param>
    /// <param name="read">Reads the tensor of a name into an F32 tensor of its shape.</param>
    /// <param name="strict">Whether missing or unexpected names are an error; else they are only reported.</param>
    /// <exception cref="StateDictException">Shapes differ, or names do where <paramref name="strict"/> is set. Nothing has been changed then.</exception>
    public StateDictReport LoadStateDict(IReadOnlyDictionary<string, Shape> shapes, Action<string, Tensor> read, bool strict = true) =>
        new StateDictLoader(this, shapes, read).Load(strict);

    /// <summary>The module at a dotted path; the empty path is this module.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the children where the path ends and the nearest paths.</exception>
    public Module Find(string path)
    {
        var module = this;
        foreach (var part in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
            module = module._children.TryGetValue(part, out var child)
                ? child
                : throw new ArgumentException(
                    $"There is no module '{path}': {module.GetType().Name} has no child '{part}' (it has {ListOf(module._children.Keys)}). "
                    + $"The nearest are {NearestNames.Quoted(path, NamedModules().Skip(1).Select(named => named.Name))}.",
                    nameof(path));
        return module;
    }

    /// <summary>The parameter held by this module under a name (torch's <c>weight</c>, not <c>weight_orig</c>).</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those there are.</exception>
    public Parameter Parameter(string name) => _parameters.TryGetValue(name, out var parameter)
        ? parameter
        : throw new ArgumentException($"{GetType().Name} has no parameter '{name}' (it has {ListOf(_parameters.Keys)}).", nameof(name));

    /// <summary>Calls <paramref name="observer"/> with each tensor that this module computes at a point, on the computing thread.</summary>
    /// <param name="observer">Given the tensor itself, on the tape where one records: not to be written to.</param>
    /// <param name="point">Where to look; every module of the built-in models has an output, attention (<see cref="ISelfAttention"/>) the
    /// other points too.</param>
    /// <returns>Ends the observation when disposed.</returns>
    public IDisposable Observe(Action<Tensor> observer, ObservationPoint point = ObservationPoint.Output)
    {
        var entry = (point, observer);
        _observers.Add(entry);
        return new Registration(() => _observers.Remove(entry));
    }

    /// <summary>Shows a tensor to those who <see cref="Observe"/> this point. A module that is no <see cref="Layer"/> calls it on what its
    /// forward pass returns.</summary>
    /// <returns>The tensor.</returns>
    protected Tensor Observed(Tensor tensor, ObservationPoint point = ObservationPoint.Output)
    {
        foreach (var (at, observer) in _observers)
            if (at == point)
                observer(tensor);
        return tensor;
    }

    /// <summary>Moves a parameter to the end of its module's order, where torch puts one that is registered anew.</summary>
    internal void MoveToEnd(string name)
    {
        var parameter = Parameter(name);
        _parameters.Remove(name);
        _parameters.Add(name, parameter);
    }

    /// <summary>Adds a parameter; null registers nothing and returns null (a layer without bias).</summary>
    [return: NotNullIfNotNull(nameof(parameter))]
    protected Parameter? Register(string name, Parameter? parameter)
    {
        if (parameter is not null)
            _parameters.Add(name, parameter);
        return parameter;
    }

    /// <summary>Adds a child module.</summary>
    protected T Register<T>(string name, T module) where T : Module
    {
        _children.Add(name, module);
        return module;
    }

    /// <summary>Adds or replaces a tensor that is state but not trained.</summary>
    protected Tensor RegisterBuffer(string name, Tensor buffer)
    {
        _buffers[name] = TensorScope.Detach(buffer);
        return buffer;
    }

    /// <summary>Puts another tensor in the place of a buffer, of any shape.</summary>
    internal void ReplaceBuffer(string name, Tensor buffer) => RegisterBuffer(name, buffer);

    /// <summary>Takes a child out; the others keep their names.</summary>
    /// <returns>Puts it back, once what was taken out after it is back.</returns>
    internal Action Remove(string child)
    {
        var (at, module) = (_children.IndexOf(child), _children[child]);
        _children.RemoveAt(at);
        return () => _children.Insert(at, child, module);
    }

    internal static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    internal static string StoredName(string name, Parameter parameter) => parameter.Mask is null ? name : MaskedName.Original(name);

    private protected sealed class Registration(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }

    private static string ListOf(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } list ? list : "none";

    private IEnumerable<(string, Module)> WalkModules(string path, HashSet<Module> seen)
    {
        if (!seen.Add(this))
            yield break;
        yield return (path, this);
        foreach (var (name, child) in _children)
            foreach (var found in child.WalkModules(Join(path, name), seen))
                yield return found;
    }

    private void CollectState(string path, OrderedDictionary<string, Tensor> state)
    {
        foreach (var (name, parameter) in _parameters)
            state.Add(Join(path, StoredName(name, parameter)), parameter.Data);
        foreach (var (name, buffer) in _buffers)
            state.Add(Join(path, name), buffer);
        foreach (var (name, parameter) in _parameters)
            if (parameter.Mask is { } mask)
                state.Add(Join(path, MaskedName.Mask(name)), mask);
        foreach (var (name, child) in _children)
            child.CollectState(Join(path, name), state);
    }
}
