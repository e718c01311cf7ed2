using System.IO.Compression;
using System.IO.Enumeration;

namespace Coppice.Evaluation;

/// <summary>Size of a file or folder as it is and after gzip, which shows what zeros in weights save when a model is shipped.</summary>
/// <param name="Files">Number of files.</param>
/// <param name="Bytes">Sum of the files' sizes.</param>
/// <param name="CompressedBytes">Sum of the files' sizes, each gzipped on its own at the default level.</param>
public sealed record GzipSize(int Files, long Bytes, long CompressedBytes)
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Compresses a file, or every file in a folder and its subfolders, in a stream; nothing is kept or written.</summary>
    /// <remarks>Linked files count like others; linked folders are left out, as they may lead back up.</remarks>
    /// <exception cref="FileNotFoundException">There is no such file or folder, or the folder holds no file.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was requested.</exception>
    public static GzipSize Of(string path, CancellationToken cancellation = default)
    {
        string[] files = Directory.Exists(path) ? [.. FilesIn(path)] : File.Exists(path) ? [path] : [];
        if (files.Length == 0)
            throw new FileNotFoundException($"There is no file '{path}', nor such a folder with files in it; check the path.", path);
        long bytes = 0, compressed = 0;
        foreach (var file in files)
        {
            var (fileBytes, fileCompressed) = Compress(file, cancellation);
            bytes += fileBytes;
            compressed += fileCompressed;
        }
        return new(files.Length, bytes, compressed);
    }

    private static FileSystemEnumerable<string> FilesIn(string folder)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false };
        return new(folder, (ref FileSystemEntry entry) => entry.ToFullPath(), options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
    }

    private static (long Bytes, long Compressed) Compress(string file, CancellationToken cancellation)
    {
        using var input = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using var count = new CountingStream();
        using (var gzip = new GZipStream(count, CompressionLevel.Optimal, leaveOpen: true))
        {
            var buffer = new byte[BufferBytes];
            for (int read; (read = input.Read(buffer)) > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                gzip.Write(buffer, 0, read);
            }
        }
        return (input.Position, count.Length);
    }

    /// <summary>Counts what is written to it and forgets it.</summary>
    private sealed class CountingStream : Stream
    {
        private long _length;

        public override long Length => _length;
        public override long Position { get => _length; set => throw new NotSupportedException(); }
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override void Write(byte[] buffer, int offset, int count) => _length += count;
        public override void Write(ReadOnlySpan<byte> buffer) => _length += buffer.Length;
        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
