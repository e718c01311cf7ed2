using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>What is added to a model, under names that nothing in it has yet.</summary>
internal sealed class Additions
{
    /// <summary>How many times each name is taken: graphs within graphs may have the same.</summary>
    private readonly Dictionary<string, int> _taken;

    /// <param name="model">The model; what gets a name in it from now on must get it here.</param>
    public Additions(ModelProto model)
    {
        Model = model;
        _taken = new FileScope(model.Graph!).All().SelectMany(scope => scope.Graph.OwnNames()).CountBy(name => name).ToDictionary();
    }

    public ModelProto Model { get; }

    /// <summary>A name that nothing has, taken from now on.</summary>
    public string FreeName(string wanted)
    {
        var number = 2;
        while (!_taken.TryAdd($"{wanted}_{number}", 1))
            number++;
        return $"{wanted}_{number}";
    }

    /// <summary>The name of something that moves to another graph: its own, or a new one where something else has it too.</summary>
    public string NameElsewhere(string name)
    {
        if (_taken[name] == 1)
            return name;
        _taken[name]--;
        return FreeName(name);
    }

    /// <summary>Adds an initializer under a new name.</summary>
    /// <returns>Its name.</returns>
    public string Store(string wanted, Tensor tensor) => StoreAs(FreeName(wanted), tensor);

    /// <summary>Adds an initializer under a name that this gave; older files list all of them as inputs too.</summary>
    /// <returns>Its name.</returns>
    public string StoreAs(string name, Tensor tensor)
    {
        var stored = TensorProto.From(TensorSource.From(name, tensor));
        Model.Graph!.Initializers.Add(stored);
        if (Model.IrVersion < 4)
            Model.Graph.Inputs.Add(ValueInfoProto.From(name, stored.DataType!.Value, stored.Dims.Select(size => new Dimension { Value = size })));
        return name;
    }
}
