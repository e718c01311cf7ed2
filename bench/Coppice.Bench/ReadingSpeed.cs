using System.Diagnostics;
using System.Runtime.Intrinsics;
using Coppice.Tensors.Kernels;

namespace Coppice.Bench;

/// <summary>The limit of everything that streams weights: summing so many bytes of floats, four streams at once.</summary>
internal sealed unsafe class ReadingSpeed : IDisposable
{
    private const int Chunk = 256 * 1024;

    private static volatile float s_sink;

    private readonly NativeBuffer _buffer;

    public ReadingSpeed(long bytes)
    {
        _buffer = new NativeBuffer(bytes / sizeof(float));
        new Span<float>(_buffer.Pointer, checked((int)_buffer.Count)).Fill(1);
    }

    /// <summary>Seconds that reading it all once takes.</summary>
    public double Seconds()
    {
        var start = Stopwatch.GetTimestamp();
        Read(_buffer);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose() => _buffer.Dispose();

    /// <summary>Sums all floats of a buffer, all cores.</summary>
    public static void Read(NativeBuffer buffer) => Workers.For((int)(buffer.Count / Chunk), buffer, static (chunk, buffer) =>
    {
        var at = buffer.Pointer + (long)chunk * Chunk;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (var i = 0; i < Chunk / 4; i += Vector512<float>.Count)
        {
            s0 += Vector512.Load(at + i);
            s1 += Vector512.Load(at + Chunk / 4 + i);
            s2 += Vector512.Load(at + Chunk / 2 + i);
            s3 += Vector512.Load(at + Chunk / 4 * 3 + i);
        }
        s_sink = Vector512.Sum(s0 + s1 + (s2 + s3));
    });
}
