using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>What did not match when a state dictionary was loaded.</summary>
/// <param name="Missing">Names the module has and the dictionary lacks.</param>
/// <param name="Unexpected">Names the dictionary has and the module lacks.</param>
public sealed record StateDictReport(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected);

/// <summary>A state dictionary does not fit the module it was loaded into; the message lists the names and shapes.</summary>
public sealed class StateDictException(string message) : Exception(message);

/// <summary>Matches a state dictionary with a module's state, checks it whole, then copies.</summary>
/// <param name="root">The module to load into.</param>
/// <param name="state">The shape stored under each full name.</param>
/// <param name="read">Reads the tensor of a name into one of its shape.</param>
internal sealed class StateDictLoader(Module root, IReadOnlyDictionary<string, Shape> state, Action<string, Tensor> read)
{
    private readonly HashSet<string> _used = [];
    private readonly List<string> _missing = [];
    private readonly List<string> _mismatched = [];
    private readonly List<Action> _copies = [];

    public StateDictReport Load(bool strict)
    {
        MatchParameters();
        foreach (var (path, module) in root.NamedModules())
            foreach (var (name, buffer) in module.Buffers)
                if (TryMatch(Module.Join(path, name), buffer.Shape, required: true))
                    _copies.Add(() => read(Module.Join(path, name), buffer));
        var unexpected = state.Keys.Where(name => !_used.Contains(name)).ToList();
        if (_mismatched.Count > 0 || (strict && (_missing.Count > 0 || unexpected.Count > 0)))
            throw new StateDictException(Explain(unexpected));
        foreach (var copy in _copies)
            copy();
        return new(_missing, unexpected);
    }

    private void MatchParameters()
    {
        var names = new Dictionary<Parameter, List<string>>();
        foreach (var (path, module) in root.NamedModules())
            foreach (var (name, parameter) in module.Parameters)
            {
                if (!names.TryGetValue(parameter, out var aliases))
                    names.Add(parameter, aliases = []);
                aliases.Add(Module.Join(path, name));
            }
        foreach (var (parameter, aliases) in names)
            MatchParameter(parameter, aliases);
    }

    /// <summary>A tied parameter is found under any of its names: files that store it once are complete.</summary>
    private void MatchParameter(Parameter parameter, List<string> aliases)
    {
        var found = false;
        foreach (var name in aliases)
        {
            if (TryMatch(name, parameter.Shape, required: false))
            {
                _copies.Add(() => Fill(parameter, name));
                found = true;
            }
            else if (TryMatch(MaskedName.Original(name), parameter.Shape, required: false))
            {
                if (TryMatch(MaskedName.Mask(name), parameter.Shape, required: true))
                    _copies.Add(() => FillMasked(parameter, name));
                found = true;
            }
        }
        if (!found)
            _missing.Add(aliases[0]);
    }

    private void Fill(Parameter parameter, string name)
    {
        parameter.ClearMask();
        read(name, parameter.Data);
    }

    private void FillMasked(Parameter parameter, string name)
    {
        Fill(parameter, MaskedName.Original(name));
        var mask = Tensor.Empty(parameter.Shape);
        read(MaskedName.Mask(name), mask);
        parameter.SetMask(mask);
        // Where pruning a live module puts it, so that saving again gives the same order.
        var dot = name.LastIndexOf('.');
        root.Find(name[..Math.Max(dot, 0)]).MoveToEnd(name[(dot + 1)..]);
    }

    private bool TryMatch(string name, Shape shape, bool required)
    {
        if (!state.TryGetValue(name, out var stored))
        {
            if (required)
                _missing.Add(name);
            return false;
        }
        _used.Add(name);
        if (stored != shape)
            _mismatched.Add($"{name}: the module has shape {shape}, the state {stored}");
        return true;
    }

    private string Explain(List<string> unexpected)
    {
        var parts = new List<string>();
        Add("wrong shapes", _mismatched);
        Add("missing", _missing);
        Add("unexpected", unexpected);
        return $"The state does not fit {root.GetType().Name}. " + string.Join("; ", parts)
            + ". Check that config.json and the weights belong together.";

        void Add(string what, List<string> names)
        {
            if (names.Count > 0)
                parts.Add($"{what} ({names.Count}): {string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")}");
        }
    }
}
