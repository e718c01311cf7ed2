namespace Coppice.Tensors.Kernels;

/// <summary>Where attention's inputs and output lie. Strides count floats; the head axis D always has stride 1.</summary>
/// <param name="B">Sequences.</param>
/// <param name="H">Query heads.</param>
/// <param name="Hkv">Key and value heads; each serves <c>H / Hkv</c> query heads in a row.</param>
/// <param name="Tq">Queries.</param>
/// <param name="Tk">Keys.</param>
/// <param name="D">Size of a head.</param>
/// <param name="Causal">Whether query i sees only keys up to <c>i + Tk - Tq</c>.</param>
/// <param name="Scale">Factor of the scores.</param>
internal readonly unsafe record struct AttentionProblem(int B, int H, int Hkv, int Tq, int Tk, int D, bool Causal, float Scale)
{
    /// <summary>Queries [B, H, Tq, D].</summary>
    public Heads Q { get; init; }

    /// <summary>Keys [B, Hkv, Tk, D].</summary>
    public Heads K { get; init; }

    /// <summary>Values [B, Hkv, Tk, D].</summary>
    public Heads V { get; init; }

    /// <summary>Additive mask [B, H, Tq, Tk], stride 0 where broadcast; its address is null where there is none.</summary>
    public Heads Mask { get; init; }

    /// <summary>Distance of the mask's keys: 1, or 0 where they are broadcast.</summary>
    public int MaskKey { get; init; }

    /// <summary>Address of the output [B, Tq, H * D], row-major.</summary>
    public nint Output { get; init; }

    /// <summary>How many keys query <paramref name="row"/> sees.</summary>
    public int VisibleKeys(int row) => Causal ? Math.Min(Tk, row + Tk - Tq + 1) : Tk;

    /// <summary>The head of K and V that serves query head <paramref name="h"/>.</summary>
    public int KeyHead(int h) => h / (H / Hkv);

    /// <summary>Address of the output of one head of one query.</summary>
    public float* OutputRow(int b, int h, int row) => (float*)Output + (((long)b * Tq + row) * H + h) * D;
}

/// <summary>A tensor of four axes whose last one has stride 1.</summary>
internal readonly unsafe record struct Heads(nint Address, int Batch, int Head, int Row)
{
    /// <summary>Address of one row.</summary>
    public float* At(int b, int h, int row) => (float*)Address + (long)b * Batch + (long)h * Head + (long)row * Row;
}
