using Coppice.Modules;

namespace Coppice.Pruning.Dependency;

/// <summary>How many indices groups had before all pruning.</summary>
/// <param name="dependencies">The model as it is now.</param>
/// <param name="before">What was cut out of it so far; null where nothing was.</param>
internal sealed class OriginalSizes(DependencyGraph dependencies, StructuralPlan? before)
{
    /// <summary>The size of a group, by the member of which the fewest other groups are part.</summary>
    public int Of(PruningGroup group)
    {
        var member = SimplestOf(group);
        if (before?.OriginalSize(member.Value.Name, member.Axis) is not { } original)
            return WidthOf(group);
        // An axis of heads by queries by size: what the heads lost, as the keys tell, the queries have not.
        var others = member.Term is Product ? dependencies.Groups.Where(other => other != group && IsPart(other, member)) : [];
        return others.Where(other => Parts(SimplestOf(other)) < Parts(member))
            .Aggregate((Size: (long)WidthOf(group) * original, Of: (long)member.Term.Size),
                (share, other) => (share.Size * WidthOf(other), share.Of * Of(other)), share => (int)(share.Size / share.Of));
    }

    private static int WidthOf(PruningGroup group) => group.Size + group.Fixed;

    private static GroupMember SimplestOf(PruningGroup group) => group.Members.MinBy(Parts)!;

    private static int Parts(GroupMember member) => member.Term.Leaves().Distinct().Count();

    private static bool IsPart(PruningGroup group, GroupMember member) => member.Term.Leaves().Intersect(group.Leaves).Any();
}
