using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Coppice.Tensors;

/// <summary>A whole file mapped into memory, read-only, of any size. Pages are loaded when touched and belong to the page cache.</summary>
/// <remarks>
/// Safe to read from several threads. Dispose only when no span from <see cref="Slice"/> is in use any more.
/// A file that is cut short by another process while it is mapped ends this one when the lost pages are touched; replace files by renaming.
/// </remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;

    /// <summary>Maps the file at <paramref name="path"/>.</summary>
    /// <exception cref="IOException">The file does not exist or can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public MappedFile(string path)
    {
        Path = path;
        _handle = File.OpenHandle(path);
        try
        {
            Length = RandomAccess.GetLength(_handle);
            if (Length == 0)
                return; // an empty file can't be mapped, and has nothing to read
            _map = MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                leaveOpen: true);
            _view = _map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>The path the file was opened by.</summary>
    public string Path { get; }

    /// <summary>Size in bytes.</summary>
    public long Length { get; }

    /// <summary>Looks at <paramref name="length"/> bytes in place, valid until the file is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the file.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        Check(offset, length);
        return new(_start + offset, length);
    }

    /// <summary>Copies bytes from <paramref name="offset"/> on until <paramref name="destination"/> is full.</summary>
    /// <remarks>Past the mapping: for bytes that are looked at once, mapping and unmapping their pages costs more than a copy into
    /// cache.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the file.</exception>
    /// <exception cref="IOException">The bytes can't be read, for example because the file was cut short meanwhile.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        while (destination.Length > 0)
        {
            var read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
                throw new EndOfStreamException($"{Path} was cut short to {offset} bytes while it was read; it had {Length}.");
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Unmaps and closes the file.</summary>
    public void Dispose() => Release();

    private void Check(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        if (offset < 0 || length < 0 || offset > Length - length)
            throw new ArgumentOutOfRangeException(nameof(offset),
                $"Bytes {offset}..{offset}+{length} are not within {Path} ({Length} bytes).");
    }

    private void Release()
    {
        if (_start is not null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _start = null;
        _view?.Dispose();
        _map?.Dispose();
        _handle.Dispose();
    }
}
