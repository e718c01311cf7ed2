namespace Coppice.Tensors.Kernels;

/// <summary>Output pixels that share a tile: where what they read is found, and where their sums go.</summary>
internal readonly unsafe struct ConvPixels
{
    private readonly PixelRun* _runs;
    private readonly int _count;
    private readonly float* _output;

    private ConvPixels(PixelRun* runs, int count, float* output, float* packed, float* sums, in ApartColumns columns)
    {
        _runs = runs;
        _count = count;
        _output = output;
        Packed = packed;
        Sums = sums;
        Columns = columns;
    }

    /// <summary>Where the inputs are gathered, [tap][two registers]; null where they are read where they lie.</summary>
    public float* Packed { get; }

    /// <summary>Where sums are kept that do not fill registers of outputs, [output channel][two registers]; null where they do.</summary>
    public float* Sums { get; }

    /// <summary>The runs of half a register that such pixels are made of.</summary>
    public ApartColumns Columns { get; }

    /// <summary>Some pixels, up to two registers of them.</summary>
    /// <param name="pixels">The batch's pixels.</param>
    /// <param name="first">The number of the first of them.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="runs">Room for the runs that they make.</param>
    /// <param name="input">The padded images.</param>
    /// <param name="output">The outputs.</param>
    /// <param name="packed">Room to gather inputs.</param>
    /// <param name="sums">Room for sums.</param>
    public static ConvPixels Of<S, V>(in PixelRuns pixels, long first, int count, PixelRun* runs, float* input, float* output,
        float* packed, float* sums) where S : struct, ISimd<V> where V : unmanaged
    {
        var half = S.Count / 2;
        var found = pixels.Find(first, count, new(runs, 2 * S.Count));
        var sources = stackalloc long[4];
        var targets = stackalloc long[4];
        var halves = 0;
        for (var run = 0; run < found && runs[run].Length % half == 0; run++)
            for (var i = 0; i < runs[run].Length; i += half, halves++)
                (sources[halves], targets[halves]) = (runs[run].Source + i, runs[run].Target + i);
        var isDirect = halves == 4;
        var isOneRun = count == 2 * S.Count && runs[found - 1].Target - runs[0].Target + runs[found - 1].Length == count;
        for (var i = 0; i < 4 && !isDirect; i++)
            (sources[i], targets[i]) = (0, runs[0].Target + i * half);
        var columns = new ApartColumns(input + sources[0], input + sources[1], input + sources[2], input + sources[3],
            output + targets[0], output + targets[1], output + targets[2], output + targets[3]);
        return new(runs, found, output, isDirect ? null : packed, isDirect || isOneRun ? null : sums, columns);
    }

    /// <summary>Gathers what the pixels read for some taps, unless it is read where it lies.</summary>
    public void Gather(float* input, ReadOnlySpan<long> taps, int width)
    {
        if (Packed != null)
            ConvPanel.Pack(input, taps, new(_runs, _count), Packed, width);
    }

    /// <summary>Fetches what the pixels behind these read, where these are read where they lie: many short runs far apart.</summary>
    public void FetchNext(ReadOnlySpan<long> taps, int width)
    {
        if (Packed != null)
            return;
        var next = Columns.B0 + width;
        foreach (var tap in taps)
            for (var line = 0; line < width; line += Prefetch.LineLength)
                Prefetch.LaterLine(next + tap + line);
    }

    /// <summary>Finishes a row of sums and writes it to its pixels.</summary>
    /// <param name="finish">What is done to it.</param>
    /// <param name="sums">The sums.</param>
    /// <param name="output">Its output channel.</param>
    /// <param name="row">Where that channel begins.</param>
    public void Write(in ConvFinish finish, float* sums, int output, long row)
    {
        for (var run = 0; run < _count; run++)
        {
            finish.Run(sums, _output + row + _runs[run].Target, output, _runs[run].Length);
            sums += _runs[run].Length;
        }
    }
}
