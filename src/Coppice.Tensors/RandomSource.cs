namespace Coppice.Tensors;

/// <summary>PyTorch's CPU random generator: after the same seed it gives the same draws, in the same order.</summary>
/// <remarks>
/// MT19937 (Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number generator", 1998),
/// seeded with the low 32 bits of the seed. Sequential and not thread-safe; <see cref="Clone"/> remembers a position in the stream.
/// </remarks>
public sealed class RandomSource
{
    private const int Size = 624;
    private const int Shift = 397;
    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    /// <summary>A generator at the start of the stream that <c>torch.manual_seed(seed)</c> gives.</summary>
    public RandomSource(long seed)
    {
        _state[0] = unchecked((uint)seed);
        for (var i = 1; i < Size; i++)
            _state[i] = unchecked(1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30)) + (uint)i);
    }

    private RandomSource(RandomSource other)
    {
        other._state.CopyTo(_state, 0);
        _next = other._next;
    }

    /// <summary>A second generator at the same position of the same stream.</summary>
    public RandomSource Clone() => new(this);

    /// <summary>The position in the stream, for <see cref="Restore"/>: 625 numbers.</summary>
    public uint[] Save() => [.. _state, (uint)_next];

    /// <summary>Goes to a position that <see cref="Save"/> gave.</summary>
    /// <exception cref="ArgumentException">The numbers are no position.</exception>
    public void Restore(ReadOnlySpan<uint> position)
    {
        if (position.Length != Size + 1 || position[Size] > Size)
            throw new ArgumentException($"{position.Length} numbers are no position of a generator, which has {Size + 1}.", nameof(position));
        position[..Size].CopyTo(_state);
        _next = (int)position[Size];
    }

    /// <summary>The next 32-bit draw.</summary>
    public uint NextUInt32()
    {
        if (_next == Size)
            Refill();
        var y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680u;
        y ^= (y << 15) & 0xEFC60000u;
        return y ^ (y >> 18);
    }

    /// <summary>The next 64-bit draw: two 32-bit draws, the upper half first.</summary>
    public ulong NextUInt64()
    {
        ulong upper = NextUInt32();
        return (upper << 32) | NextUInt32();
    }

    /// <summary>Uniform in [0, 1): the low 24 bits of one draw times 2^-24.</summary>
    public float NextSingle() => (NextUInt32() & 0xFFFFFF) * (1f / (1 << 24));

    /// <summary>Uniform in [0, 1): the low 53 bits of one 64-bit draw times 2^-53.</summary>
    public double NextDouble() => (NextUInt64() & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));

    private void Refill()
    {
        for (var i = 0; i < Size - Shift; i++)
            _state[i] = _state[i + Shift] ^ Twist(_state[i], _state[i + 1]);
        for (var i = Size - Shift; i < Size - 1; i++)
            _state[i] = _state[i + Shift - Size] ^ Twist(_state[i], _state[i + 1]);
        _state[Size - 1] = _state[Shift - 1] ^ Twist(_state[Size - 1], _state[0]);
        _next = 0;
    }

    private static uint Twist(uint current, uint following)
    {
        var mixed = (current & 0x80000000u) | (following & 0x7FFFFFFFu);
        return (mixed >> 1) ^ ((following & 1) != 0 ? 0x9908B0DFu : 0);
    }
}
