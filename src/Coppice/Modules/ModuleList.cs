namespace Coppice.Modules;

/// <summary>Modules named by their number, as torch.nn.ModuleList.</summary>
public sealed class ModuleList<T> : Module where T : Module
{
    /// <summary>Holds these modules.</summary>
    public ModuleList(IEnumerable<T> items)
    {
        Items = [.. items];
        for (var i = 0; i < Items.Length; i++)
            Register(i.ToString(), Items[i]);
    }

    /// <summary>The modules in order.</summary>
    public T[] Items { get; }
}
