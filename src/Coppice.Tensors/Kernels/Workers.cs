using System.Runtime.ExceptionServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Runs pieces of a kernel on the machine's cores.</summary>
/// <remarks>
/// Background threads are started on first use, spin briefly between calls and then park. Each thread begins with a part of the chunks, the
/// same part of each call, whose data its core may still have; then it helps with what is left of others' parts. Chunks are claimed one at
/// a time, so a core that is busy with something else costs nothing: the caller waits only for chunks that were really claimed.
/// Calls from inside a body, and calls made while another thread has the workers, run on the calling thread alone.
/// What a chunk computes must not depend on who runs it; then results are the same on any number of threads.
/// </remarks>
public static class Workers
{
    private static readonly Lock StartLock = new();
    private static readonly SemaphoreSlim Wake = new(0);

    /// <summary>How long a thread looks for work, or for the end of it, before it sleeps: longer than what lies between two ops of a model,
    /// shorter than anybody else would miss the processor. Waking up takes some 50 us.</summary>
    private static readonly long SpinTicks = System.Diagnostics.Stopwatch.Frequency * 100 / 1_000_000;

    private static volatile Job? s_job;
    private static volatile int s_started;
    private static int s_parked;
    private static int s_threadCount = Environment.ProcessorCount;

    /// <summary>How many threads kernels use, the caller's included; the machine's processors by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public static int ThreadCount
    {
        get => s_threadCount;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value, nameof(ThreadCount));
            s_threadCount = value;
        }
    }

    /// <summary>Calls <paramref name="body"/> for chunks 0..<paramref name="chunks"/>, in any order, and returns when all are done.</summary>
    /// <remarks>The first exception of a body is thrown to the caller; chunks not yet begun are then skipped.</remarks>
    /// <exception cref="OperationCanceledException">The token of the thread's <see cref="Interruption"/> is cancelled.</exception>
    public static void For(int chunks, Action<int> body) => For(chunks, body, static (chunk, body) => body(chunk));

    /// <summary><see cref="For(int, Action{int})"/> with a state handed to each call, so that the body need not capture anything.</summary>
    public static void For<TState>(int chunks, TState state, Action<int, TState> body)
    {
        Interruption.Check();
        var helpers = Math.Min(chunks, ThreadCount) - 1;
        if (helpers <= 0 || s_job is not null || !TryRunShared(new Job<TState>(chunks, helpers, state, body)))
            for (var chunk = 0; chunk < chunks; chunk++)
                body(chunk, state);
    }

    private static bool TryRunShared(Job job)
    {
        if (s_started < job.Helpers)
            Start(job.Helpers);
        if (Interlocked.CompareExchange(ref s_job, job, null) is not null)
            return false;
        var parked = TakeParked(job.Helpers);
        if (parked > 0)
            Wake.Release(parked);
        job.RunChunks(part: 0);
        job.WaitForClaimed();
        s_job = null;
        job.Failure?.Throw();
        return true;
    }

    private static void Start(int count)
    {
        lock (StartLock)
            for (; s_started < count; s_started++)
                new Thread(Work) { IsBackground = true, Name = "Coppice worker" }.Start();
    }

    private static void Work()
    {
        while (true)
        {
            var idleSince = System.Diagnostics.Stopwatch.GetTimestamp();
            while (System.Diagnostics.Stopwatch.GetTimestamp() - idleSince < SpinTicks)
            {
                if (TryHelp())
                    idleSince = System.Diagnostics.Stopwatch.GetTimestamp();
                Thread.SpinWait(10);
            }
            // Announced before the last look, as the caller publishes before it counts the parked: one of the two sees the other.
            Interlocked.Increment(ref s_parked);
            if (!TryHelp() || TakeParked(1) == 0)
                Wake.Wait();
        }
    }

    /// <summary>Takes up to <paramref name="wanted"/> threads off the count of the parked; the taker owes each other thread a wake-up.</summary>
    private static int TakeParked(int wanted)
    {
        while (true)
        {
            var parked = Volatile.Read(ref s_parked);
            var taken = Math.Min(parked, wanted);
            if (taken == 0 || Interlocked.CompareExchange(ref s_parked, parked - taken, parked) == parked)
                return taken;
        }
    }

    private static bool TryHelp()
    {
        if (s_job is not { } job || job.Join() is not { } part)
            return false;
        job.RunChunks(part);
        return true;
    }

    private abstract class Job
    {
        /// <summary>Numbers between the counters of two parts, so that they share no cache line.</summary>
        private const int Distance = 32;

        public readonly int Helpers;

        private readonly int _chunks;
        private readonly int[] _next;
        private int _seats;
        private int _done;
        private int _isAwaited;
        private ExceptionDispatchInfo? _failure;

        protected Job(int chunks, int helpers)
        {
            (_chunks, Helpers, _seats, _next) = (chunks, helpers, helpers, new int[(helpers + 1) * Distance]);
            for (var part = 0; part <= helpers; part++)
                _next[part * Distance] = Start(part);
        }

        public ExceptionDispatchInfo? Failure => _failure;

        /// <summary>Takes one of the seats that the thread count allows, and the part of the chunks that belongs to it; null where none is
        /// left.</summary>
        public int? Join() => Volatile.Read(ref _seats) > 0 && Interlocked.Decrement(ref _seats) is >= 0 and var left ? left + 1 : null;

        /// <summary>Runs the chunks of a part, then what others have not begun yet.</summary>
        public void RunChunks(int part)
        {
            var run = 0;
            for (var i = 0; i <= Helpers; i++, part = part == Helpers ? 0 : part + 1)
            {
                ref var next = ref _next[part * Distance];
                for (int end = Start(part + 1), chunk; Volatile.Read(ref next) < end && (chunk = Interlocked.Increment(ref next) - 1) < end; run++)
                    TryRun(chunk);
            }
            // Counted before the look, as the caller announces its sleep before it counts: one of the two sees the other.
            if (run > 0 && Interlocked.Add(ref _done, run) == _chunks && Volatile.Read(ref _isAwaited) != 0)
                lock (this)
                    Monitor.PulseAll(this);
        }

        public void WaitForClaimed()
        {
            var since = System.Diagnostics.Stopwatch.GetTimestamp();
            do
            {
                if (Volatile.Read(ref _done) == _chunks)
                    return;
                Thread.SpinWait(5);
            }
            while (System.Diagnostics.Stopwatch.GetTimestamp() - since < SpinTicks);
            Interlocked.Exchange(ref _isAwaited, 1);
            lock (this)
                while (Volatile.Read(ref _done) != _chunks)
                    Monitor.Wait(this);
        }

        protected abstract void Run(int chunk);

        private int Start(int part) => (int)((long)_chunks * part / (Helpers + 1));

        private void TryRun(int chunk)
        {
            try
            {
                if (_failure is null)
                    Run(chunk);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
            }
        }
    }

    private sealed class Job<TState>(int chunks, int helpers, TState state, Action<int, TState> body) : Job(chunks, helpers)
    {
        protected override void Run(int chunk) => body(chunk, state);
    }
}
