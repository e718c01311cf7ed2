using System.Text.Json.Nodes;
using Coppice.Tensors;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Coppice.Cli;

/// <summary>Where a verb's words go: results to stdout (as tables, or one JSON object), progress and warnings to stderr.</summary>
internal sealed class Terminal(bool json, bool quiet, TextWriter output, TextWriter error, CancellationToken cancellation = default)
{
    private const int RedirectedWidth = 240;

    private readonly IAnsiConsole _out = CreateConsole(output);
    private readonly IAnsiConsole _error = CreateConsole(error);

    /// <summary>Whether the result is to be printed as JSON.</summary>
    public bool IsJson => json;

    /// <summary>Prints the result: <paramref name="data"/> as JSON where asked, else <paramref name="show"/>.</summary>
    public void Result(Func<JsonObject> data, Action show)
    {
        if (json)
            output.WriteLine(data().ToJsonString(JsonStyles.Screen));
        else
            show();
    }

    /// <summary>Prints plain text to stdout; never cut or wrapped.</summary>
    public void Line(string text = "") => output.WriteLine(text);

    /// <summary>Prints a piece of text to stdout at once, without a line end.</summary>
    public void Piece(string text)
    {
        output.Write(text);
        output.Flush();
    }

    /// <summary>Prints a table or another picture to stdout.</summary>
    public void Show(IRenderable picture) => _out.Write(picture);

    /// <summary>A note for the person at the screen.</summary>
    public void Note(string text)
    {
        if (!quiet)
            error.WriteLine(text);
    }

    /// <summary>Something the user should know before relying on the result.</summary>
    public void Warn(string text) => error.WriteLine($"warning: {text}");

    /// <summary>Why the work was not done.</summary>
    public void Error(string text) => error.WriteLine($"coppice: {text}");

    /// <summary>Runs work under a progress bar with rate and time left, shown on a terminal only.</summary>
    /// <param name="title">What is being done.</param>
    /// <param name="unit">What is counted, in the plural; empty for shares of the whole, which have no rate worth showing.</param>
    /// <param name="total">Units of the whole work.</param>
    /// <param name="work">Does it, reporting units done so far.</param>
    public T Progress<T>(string title, string unit, double total, Func<IProgress<double>, T> work)
    {
        if (!ShowsProgress)
            return work(new Reporter(_ => { }));
        return _error.Progress().AutoClear(true).HideCompleted(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RateColumn(unit), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(total, 1));
                return work(new Reporter(done => task.Value = done));
            });
    }

    /// <summary>Runs work of several stages, each under a progress bar of its own with the time left; their results are notes that stay.</summary>
    public T Steps<T>(Func<Action<ProgressLine>, T> work)
    {
        if (!ShowsProgress)
            return work(line => NoteEnd(line));
        return _error.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(),
            new RemainingTimeColumn()).Start(context =>
            {
                var task = context.AddTask("starting");
                return work(line =>
                {
                    if (task.IsFinished && line.Ended is null)
                        task = context.AddTask("");
                    (task.Description, task.MaxValue, task.Value) = (Markup.Escape(line.Title), Math.Max(line.Total, 1), line.Done);
                    if (line.Ended is not null)
                        _error.MarkupLineInterpolated($"{line.Ended}");
                });
            });
    }

    private void NoteEnd(ProgressLine line)
    {
        if (line.Ended is not null)
            Note(line.Ended);
    }

    /// <summary>Runs work whose length is not known under a spinner, shown on a terminal only; it is cancelled between ops.</summary>
    public T Busy<T>(string title, Func<T> work)
    {
        return ShowsProgress ? _error.Status().Start(Markup.Escape(title), _ => Cancellable()) : Cancellable();

        T Cancellable()
        {
            using var interruption = new Interruption(cancellation);
            return work();
        }
    }

    private bool ShowsProgress => !quiet && _error.Profile.Out.IsTerminal;

    /// <summary>A file or pipe has no width to fit; tables written there keep their lines whole.</summary>
    private static IAnsiConsole CreateConsole(TextWriter writer)
    {
        var target = new AnsiConsoleOutput(writer);
        if (target.IsTerminal)
            return AnsiConsole.Create(new AnsiConsoleSettings { Out = target });
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = target, Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = RedirectedWidth;
        return console;
    }

    /// <summary>Reports on the thread that works, in order; <see cref="Progress{T}"/> of the framework would not.</summary>
    private sealed class Reporter(Action<double> show) : IProgress<double>
    {
        public void Report(double value) => show(value);
    }

    /// <summary>Units a second.</summary>
    private sealed class RateColumn(string unit) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(
            unit.Length == 0 || task.Speed is not { } speed ? "" : unit == "bytes" ? $"{Reports.Bytes((long)speed)}/s" : $"{speed:N0} {unit}/s");
    }
}
