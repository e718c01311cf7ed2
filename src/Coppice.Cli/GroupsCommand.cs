using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Cli.Structural;
using Coppice.Pruning.Dependency;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice groups</c>: what of a model must shrink together, and what can't shrink and why.</summary>
internal static class GroupsCommand
{
    private static readonly Argument<string> Path =
        Arguments.Path(description: "Hugging Face folder of a model, an ONNX file, or with --arch an image classifier's file of weights.");

    public static Command Create()
    {
        var command = new Command("groups", Arguments.WithExample("List what of a model must shrink together, and what can't be pruned and why.",
            "coppice groups samples/models/gpt2-student",
            "coppice groups samples/models/cifar10-resnet/resnet20-12fca82f.th --arch resnet20",
            "coppice groups samples/models/onnx/mnist_cntk.onnx"))
        {
            Path, StructuralOptions.Arch, StructuralOptions.Input,
        };
        command.SetWork(RunAsync);
        return command;
    }

    /// <summary>A kind as options and tables name it.</summary>
    public static string NameOf(GroupKind kind) => kind == GroupKind.HeadSize ? "head-size" : $"{kind}".ToLowerInvariant();

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var dependencies = terminal.Busy("tracing the model", () => OpenedModel.Open(parsed.GetRequiredValue(Path),
            parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input)).Dependencies);
        terminal.Result(() => ToJson(dependencies), () => Show(terminal, dependencies));
        return Task.FromResult(ExitCode.Done);
    }

    private static JsonObject ToJson(DependencyGraph dependencies) => new()
    {
        ["groups"] = new JsonArray([.. dependencies.Groups.Select(group => new JsonObject
        {
            ["group"] = group.Number,
            ["kind"] = NameOf(group.Kind),
            ["size"] = group.Size,
            ["parameters_per_index"] = group.ParametersPerIndex,
            ["normalized"] = group.Normalized,
            ["members"] = new JsonArray([.. group.Members.Select(member => new JsonObject
            {
                ["tensor"] = member.Value.Name,
                ["axis"] = member.Axis,
                ["size"] = member.Value.SampleShape[member.Axis],
                ["per_index"] = member.OwnersOf(group).Count(owner => owner == 0),
            })]),
        })]),
        ["pinned"] = new JsonArray([.. dependencies.Pinned.Select(axis => new JsonObject
        {
            ["tensor"] = axis.Tensor,
            ["axis"] = axis.Axis,
            ["size"] = axis.Size,
            ["reason"] = axis.Reason,
        })]),
    };

    private static void Show(Terminal terminal, DependencyGraph dependencies)
    {
        var groups = new Table().Border(TableBorder.Simple).AddColumn("group").AddColumn("kind")
            .AddColumn(new TableColumn("size").RightAligned()).AddColumn(new TableColumn("parameters each").RightAligned())
            .AddColumn("members").AddColumn("changes statistics of");
        foreach (var group in dependencies.Groups)
            groups.AddRow($"{group.Number}", NameOf(group.Kind), $"{group.Size:N0}", $"{group.ParametersPerIndex:N0}",
                Markup.Escape(Members(group)), Markup.Escape(group.Normalized ?? ""));
        terminal.Show(groups);
        var pinned = new Table().Border(TableBorder.Simple).AddColumn("can't be pruned")
            .AddColumn(new TableColumn("size").RightAligned()).AddColumn("because");
        foreach (var axis in dependencies.Pinned)
            pinned.AddRow(Markup.Escape($"{axis.Tensor}[{axis.Axis}]"), $"{axis.Size:N0}", Markup.Escape(axis.Reason));
        terminal.Show(pinned);
    }

    private static string Members(PruningGroup group)
    {
        const int Shown = 4;
        var names = string.Join(", ", group.Members.Take(Shown).Select(member => $"{member}"));
        return group.Members.Count > Shown ? $"{names} and {group.Members.Count - Shown} more" : names;
    }
}
