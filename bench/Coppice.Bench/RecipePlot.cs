using System.Globalization;
using System.Text;

namespace Coppice.Bench;

/// <summary>Lines of accuracy against the share that was pruned, as one SVG picture.</summary>
internal static class RecipePlot
{
    private const int Width = 720, Height = 400, Left = 60, Right = 190, Top = 20, Bottom = 50;
    private static readonly string[] Colours = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"];

    public static string Svg(IReadOnlyList<(string Name, IReadOnlyList<(double Amount, double Accuracy)> Points)> lines)
    {
        var svg = new StringBuilder();
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"13\">");
        Add($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>");
        for (var percent = 0; percent <= 100; percent += 20)
        {
            Add($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(percent / 100.0)}\" y2=\"{Y(percent / 100.0)}\" stroke=\"#ddd\"/>");
            Add($"<text x=\"{Left - 8}\" y=\"{Y(percent / 100.0) + 4}\" text-anchor=\"end\">{percent}</text>");
        }
        foreach (var amount in lines.SelectMany(line => line.Points).Select(point => point.Amount).Distinct())
            Add($"<text x=\"{X(amount)}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{100 * amount:F0} %</text>");
        Add($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">pruned</text>");
        Add($"<text transform=\"translate(16 {(Top + Height - Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">test accuracy, %</text>");
        foreach (var (number, line) in lines.Index())
        {
            var colour = Colours[number % Colours.Length];
            Add($"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{string.Join(' ', line.Points.Select(Point))}\"/>");
            foreach (var (amount, accuracy) in line.Points)
                Add($"<circle cx=\"{X(amount)}\" cy=\"{Y(accuracy)}\" r=\"3.5\" fill=\"{colour}\"/>");
            Add($"<text x=\"{Width - Right + 16}\" y=\"{Top + 14 + 20 * number}\" fill=\"{colour}\">{line.Name}</text>");
        }
        Add($"</svg>");
        return svg.ToString();

        void Add(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string Point((double Amount, double Accuracy) point) =>
        string.Create(CultureInfo.InvariantCulture, $"{X(point.Amount)},{Y(point.Accuracy)}");

    private static double X(double amount) => Math.Round(Left + (amount - 0.45) / 0.5 * (Width - Right - Left), 1);

    private static double Y(double accuracy) => Math.Round(Top + (1 - accuracy) * (Height - Bottom - Top), 1);
}
