using System.Runtime.ExceptionServices;
using Coppice.Checkpoints.PyTorch;
using Coppice.Tensors.Kernels;
using Microsoft.Win32.SafeHandles;

namespace Coppice.Checkpoints.Writing;

/// <summary>A tensor and the place of its first byte in a file.</summary>
internal readonly record struct Placement(TensorSource Source, long Offset);

/// <summary>Writes tensors to known places of a file, chunk by chunk on several threads, so that computing one chunk overlaps writing
/// another.</summary>
/// <remarks>Memory is one chunk per thread, whatever the model's size. The bytes do not depend on the number of threads.</remarks>
internal sealed class StreamingWriter(IProgress<long>? progress, CancellationToken cancellation)
{
    /// <summary>Bytes read, computed and written at a time.</summary>
    public const int ChunkBytes = 4 << 20;

    private readonly Lock _reporting = new();
    private long _bytesWritten;

    /// <summary>Makes a new file of known size, at least 1; a disk that is too full shows here, before any work.</summary>
    /// <exception cref="IOException">There is no room, or the file system or a limit of the user's allows no file so large.</exception>
    public static SafeFileHandle Create(string path, long length)
    {
        var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, preallocationSize: length);
        try
        {
            RandomAccess.Write(file, [0], length - 1);
            return file;
        }
        catch (Exception error)
        {
            file.Dispose();
            if (error is not ArgumentOutOfRangeException) // how .NET reports EFBIG
                throw;
            throw new IOException($"{path} would have {length:N0} bytes, more than one file may have there; "
                + "write to another disk, or raise the limit (ulimit -f).", error);
        }
    }

    /// <summary>Writes every tensor to its place and returns the CRC-32 of each, where asked for.</summary>
    public uint[] Write(SafeFileHandle file, IReadOnlyList<Placement> placements, bool checksums = false)
    {
        var chunks = placements.SelectMany((placement, index) => ChunksOf(placement, index)).ToArray();
        var sums = new uint[checksums ? chunks.Length : 0];
        var next = -1;
        Run(Math.Min(Workers.ThreadCount, chunks.Length), () =>
        {
            var buffer = new byte[Math.Min(ChunkBytes, chunks.Max(chunk => chunk.Length))];
            for (var i = Interlocked.Increment(ref next); i < chunks.Length; i = Interlocked.Increment(ref next))
            {
                var bytes = buffer.AsSpan(0, chunks[i].Length);
                cancellation.ThrowIfCancellationRequested();
                chunks[i].Placement.Source.Read(chunks[i].Start, bytes);
                if (checksums)
                    sums[i] = Crc32.Of(bytes);
                RandomAccess.Write(file, bytes, chunks[i].Placement.Offset + chunks[i].Start);
                Report(bytes.Length);
            }
        });
        return checksums ? JoinSums(placements.Count, chunks, sums) : [];
    }

    private static IEnumerable<Chunk> ChunksOf(Placement placement, int index)
    {
        for (long start = 0; start < placement.Source.ByteLength; start += ChunkBytes)
            yield return new(placement, index, start, (int)Math.Min(ChunkBytes, placement.Source.ByteLength - start));
    }

    private static uint[] JoinSums(int count, Chunk[] chunks, uint[] sums)
    {
        var joined = new uint[count]; // the CRC of no bytes is 0
        for (var i = 0; i < chunks.Length; i++)
            joined[chunks[i].Index] = Crc32.Join(joined[chunks[i].Index], sums[i], chunks[i].Length);
        return joined;
    }

    /// <summary>Runs the same loop on several threads and throws the first error as it was.</summary>
    private static void Run(int threads, Action loop)
    {
        try
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, threads) }, _ => loop());
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.Flatten().InnerExceptions[0]);
        }
    }

    private void Report(int bytes)
    {
        if (progress is null)
            return;
        lock (_reporting)
            progress.Report(_bytesWritten += bytes);
    }

    private readonly record struct Chunk(Placement Placement, int Index, long Start, int Length);
}
