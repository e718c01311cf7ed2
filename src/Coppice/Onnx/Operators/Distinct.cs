using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>The different elements, or slices along an axis, of a tensor.</summary>
internal static class Distinct
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new() { ["Unique"] = Unique };

    private static Tensor?[] Unique(OperatorCall call)
    {
        var x = call.Has("axis") ? call[0] : call[0].Reshape(-1);
        var axis = call.Axis(x.Shape.Rank, 0);
        var rows = x.Permute([axis, .. Enumerable.Range(0, x.Shape.Rank).Where(other => other != axis)]);
        var classes = x.DType.IsFloatingPoint() ? Classes(rows.Cast(DType.F64).ToArray<double>(), x.Shape[axis])
            : Classes(rows.Cast(DType.I64).ToArray<long>(), x.Shape[axis]);
        if (!call.Flag("sorted", true))
            classes.Sort((a, b) => a[0].CompareTo(b[0]));
        var owners = new long[x.Shape[axis]];
        foreach (var (number, members) in classes.Index())
            foreach (var member in members)
                owners[member] = number;
        var first = Numbers([.. classes.Select(members => (long)members[0])]);
        return [x.Gather(first, axis), first, Numbers(owners), Numbers([.. classes.Select(members => (long)members.Count)])];
    }

    /// <summary>Rows that are equal, in the order of their values, each with its indices ascending.</summary>
    private static List<List<int>> Classes<T>(T[] values, int count) where T : IComparable<T>
    {
        var length = count == 0 ? 0 : values.Length / count;
        var order = Comparer<int>.Create((a, b) =>
            values.AsSpan(a * length, length).SequenceCompareTo(values.AsSpan(b * length, length)));
        var classes = new List<List<int>>();
        foreach (var index in Enumerable.Range(0, count).Order(order))
            if (classes.Count > 0 && order.Compare(classes[^1][0], index) == 0)
                classes[^1].Add(index);
            else
                classes.Add([index]);
        return classes;
    }
}
