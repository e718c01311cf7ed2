namespace Coppice.Recipes;

/// <summary>A recipe can't be run: the message names the file, the place in it, what was expected, and what to do.</summary>
public sealed class RecipeException : Exception
{
    /// <summary>An error about the run as a whole.</summary>
    public RecipeException(string message, Exception? cause = null) : base(message, cause)
    {
    }

    /// <summary>An error about one place of a recipe.</summary>
    /// <param name="file">The recipe's file.</param>
    /// <param name="place">Where in it, such as <c>stages[0].optimizer.learningRate</c>; empty for the whole.</param>
    /// <param name="problem">What is wrong and what to write instead; sentences.</param>
    /// <param name="cause">The error underneath, where there is one.</param>
    public RecipeException(string file, string place, string problem, Exception? cause = null)
        : base($"{file}{(place.Length > 0 ? $", {place}" : "")}: {problem}", cause)
    {
    }
}
