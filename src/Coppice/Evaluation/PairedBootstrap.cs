namespace Coppice.Evaluation;

/// <summary>A difference (after minus before) and its 95 % confidence interval.</summary>
public sealed record DifferenceInterval(double Difference, double Lower, double Upper);

/// <summary>Resamples examples with replacement, each with both of its predictions, and takes the percentiles of the differences.</summary>
/// <remarks>The percentile bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.</remarks>
internal sealed class PairedBootstrap(int[] truth, int[] before, int[] after, int classCount)
{
    private readonly int[] _support = new int[classCount];
    private readonly Side _before = new(before, classCount);
    private readonly Side _after = new(after, classCount);

    public (DifferenceInterval Accuracy, DifferenceInterval MacroF1) Run(ulong seed, int resamples)
    {
        foreach (var (example, _) in truth.Index())
            Count(example);
        var observed = Differences();
        var (accuracy, macroF1) = (new double[resamples], new double[resamples]);
        for (var r = 0; r < resamples; r++)
        {
            Clear();
            for (var draw = 0; draw < truth.Length; draw++)
                Count(Draw(ref seed));
            (accuracy[r], macroF1[r]) = Differences();
        }
        return (Interval(observed.Accuracy, accuracy), Interval(observed.MacroF1, macroF1));
    }

    private void Count(int example)
    {
        var right = truth[example];
        _support[right]++;
        _before.Count(example, right);
        _after.Count(example, right);
    }

    private void Clear()
    {
        Array.Clear(_support);
        _before.Clear();
        _after.Clear();
    }

    private (double Accuracy, double MacroF1) Differences() =>
        ((double)(_after.Correct - _before.Correct) / truth.Length, _after.MacroF1(_support) - _before.MacroF1(_support));

    // SplitMix64 (Steele, Lea and Flood 2014), scaled to 0..n-1 by the high half of a product; its bias, n / 2^64, is nil here.
    private int Draw(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)Math.BigMul(z ^ (z >> 31), (ulong)truth.Length, out _);
    }

    private static DifferenceInterval Interval(double observed, double[] differences)
    {
        Array.Sort(differences);
        return new(observed, Quantile.Of(differences, 0.025), Quantile.Of(differences, 0.975));
    }

    private sealed class Side(int[] predictions, int classCount)
    {
        private readonly int[] _truePositives = new int[classCount];
        private readonly int[] _predicted = new int[classCount];

        public int Correct { get; private set; }

        public void Count(int example, int right)
        {
            var prediction = predictions[example];
            _predicted[prediction]++;
            if (prediction != right)
                return;
            _truePositives[prediction]++;
            Correct++;
        }

        public void Clear()
        {
            Array.Clear(_truePositives);
            Array.Clear(_predicted);
            Correct = 0;
        }

        public double MacroF1(int[] support)
        {
            double sum = 0;
            for (var c = 0; c < support.Length; c++)
                sum += ClassScores.F1FromCounts(_truePositives[c], _predicted[c], support[c]);
            return sum / support.Length;
        }
    }
}
