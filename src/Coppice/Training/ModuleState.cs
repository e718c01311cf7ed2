using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training;

/// <summary>Copies of all a module holds: values, masks, buffers.</summary>
internal static class ModuleState
{
    public static OrderedDictionary<string, Tensor> Copy(Module module)
    {
        var copy = new OrderedDictionary<string, Tensor>();
        foreach (var (name, value) in module.StateDict())
        {
            var tensor = TensorScope.Detach(Tensor.Empty(value.Shape, value.DType));
            tensor.CopyFrom(value);
            copy.Add(name, tensor);
        }
        return copy;
    }
}
