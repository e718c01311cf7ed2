using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

public sealed class RecipeFileTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 1, "optimizer": {"learningRate": 0.1}}""";

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Fact]
    public void Read_SmallestRecipe_HasTheDefaults()
    {
        var recipe = _recipe.Read("\"model\": {\"path\": \"m\"}, \"data\": {}", Train).Recipe;
        Assert.Equal(new TrainStage(new(0.1), Steps: 1), recipe.Stages[0]);
        Assert.Equal(64, ((TrainStage)recipe.Stages[0]).BatchSize);
        Assert.Equal(0, recipe.Seed);
    }

    [Fact]
    public void Read_TypeBehindOtherKeysCommentsAndCommas_IsAccepted() => Assert.IsType<PruneStage>(
        _recipe.Read("\"model\": {\"path\": \"m\"}, \"data\": {} /* half */", """{"amount": 0.5, "type": "prune",}""").Recipe.Stages[0]);

    [Theory]
    [InlineData("""{"type": "train", "steps": 1, "optimiser": {}}""",
        "stages[0]: there is no key 'optimiser'. The nearest are 'optimizer'")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRat": 0.1}}""",
        "stages[0].optimizer: there is no key 'learningRat'. The nearest are 'learningRate'")]
    [InlineData("""{"type": "train", "steps": 1}""", "stages[0]: the key 'optimizer' is missing; give an object")]
    [InlineData("""{"type": "train", "steps": "many", "optimizer": {"learningRate": 0.1}}""",
        "stages[0].steps: expected a whole number, found \"many\"")]
    [InlineData("""{"type": "train", "steps": 1.5, "optimizer": {"learningRate": 0.1}}""",
        "stages[0].steps: expected a whole number, found 1.5")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": "0.1"}}""",
        "stages[0].optimizer.learningRate: expected a number")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 0.1, "type": "adamw"}}""",
        "stages[0].optimizer.type: there is no value 'adamw'. The nearest are 'ada")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": -1}}""",
        "stages[0].optimizer.learningRate: expected a number above 0, found -1")]
    [InlineData("""{"type": "train", "optimizer": {"learningRate": 1}}""", "stages[0]: give either 'epochs' or 'steps'")]
    [InlineData("""{"type": "train", "steps": 1, "epochs": 1, "optimizer": {"learningRate": 1}}""",
        "stages[0]: give either 'epochs' or 'steps'")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1, "type": "adam", "momentum": 0.9}}""",
        "stages[0].optimizer.momentum")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}, "schedule": {"type": "oneCycle", "warmup": 1}}""",
        "stages[0].schedule.warmup")]
    [InlineData("""{"type": "prune", "amount": 1.5}""", "stages[0].amount: expected a share above 0 and below 1, found 1.5")]
    [InlineData("""{"type": "prune", "amount": 0.5, "include": "a"}""", "stages[0].include: expected a list")]
    [InlineData("""{"type": "prune", "amount": 0.5, "include": [1]}""", "stages[0].include[0]: expected a text in quotes, found 1")]
    [InlineData("""{"type": "prune", "amount": 0.5, "criterion": "slimming"}""", "stages[0].granularity")]
    [InlineData("""{"type": "prune", "amount": 0.5, "criterion": "movement"}""",
        "stages[0].criterion: movement is seen while training alone")]
    [InlineData("""{"type": "prun", "amount": 0.5}""", "stages[0].type: there is no type 'prun'. The nearest are 'prune'")]
    [InlineData("""{"amount": 0.5}""", "stages[0]: the key 'type' is missing; give one of train, prune, cut, rewind, evaluate")]
    [InlineData("""{"type": "cut"}""", "stages[0]: give one of 'amount', 'targetMacs', 'targetParams', 'targetSize', 'targetLatency'")]
    [InlineData("""{"type": "cut", "amount": 0.5, "targetMacs": 0.5}""", "stages[0]: give one of 'amount'")]
    [InlineData("""{"type": "cut", "targetMac": 0.5}""", "stages[0]: there is no key 'targetMac'. The nearest are 'targetMacs'")]
    [InlineData("""{"type": "cut", "amount": 1}""", "stages[0].amount: expected a share above 0 and below 1, found 1")]
    [InlineData("""{"type": "cut", "amount": 0.5, "criterion": "tailor"}""", "stages[0].criterion: there is no value 'tailor'. The nearest are 'taylor'")]
    [InlineData("""{"type": "cut", "amount": 0.5, "compensate": ["least-square"]}""",
        "stages[0].compensate[0]: there is no value 'least-square'. The nearest are 'least-squares'")]
    [InlineData("""{"type": "cut", "amount": 0.5, "compensate": ["bias", "least-squares"]}""", "stages[0].compensate: least-squares corrects biases too")]
    [InlineData("""{"type": "cut", "amount": 0.5, "criterion": "slimming", "scope": "global"}""", "stages[0].scope: slimming cuts what it masks")]
    [InlineData("""{"type": "cut", "amount": 0.5, "roundTo": 0}""", "stages[0].roundTo: expected a whole number from 1 on")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}, "growing": {}}""", "stages[0].growing: the next 'cut' stage says")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}, "growing": {"growth": 0}}, {"type": "cut", "amount": 0.5}""",
        "stages[0].growing.growth: expected a number above 0")]
    [InlineData("""{"type": "rewind"}""", "stages[0].stage: expected the number of an earlier stage")]
    [InlineData("7", "stages[0]: expected an object {...}, found 7")]
    [InlineData("", "stages: there is no stage")]
    [InlineData("""{"type": "prune", "amount": "${amout}"}""", "stages[0].amount: there is no variable 'amout'; the nearest are 'amount'")]
    public void Read_WrongStage_NamesFilePlaceAndRemedy(string stage, string says)
    {
        var error = Assert.Throws<RecipeException>(() => _recipe.Read("\"variables\": {\"amount\": 0.5}, \"model\": {\"path\": \"m\"}, \"data\": {}", stage));
        Assert.Contains(_recipe["recipe.json"], error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"data\": {}", "the key 'model' is missing")]
    [InlineData("\"model\": {}, \"data\": {}", "model: give a path; or")]
    [InlineData("\"model\": {\"path\": \"m\", \"classes\": 3}, \"data\": {}", "model.classes: the number of classes is the file's")]
    [InlineData("\"model\": {\"path\": \"m\"}, \"data\": {\"train\": \"a\", \"validation\": \"b\", \"holdOut\": 0.1}",
        "data.holdOut: there is validation data already")]
    [InlineData("\"model\": {\"path\": \"m\"}, \"data\": {\"train\": \"a\", \"holdOut\": 1.5}",
        "data.holdOut: expected a share above 0 and below 1, or a whole number")]
    [InlineData("\"model\": {\"path\": \"m\"}, \"data\": {}, \"sed\": 1", "there is no key 'sed'. The nearest are 'seed'")]
    public void Read_WrongMember_NamesFilePlaceAndRemedy(string members, string says) =>
        Assert.Contains(says, Assert.Throws<RecipeException>(() => _recipe.Read(members, Train)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[]", "one JSON object")]
    [InlineData("{\"model\": ", "this is not JSON")]
    [InlineData("{\"seed\": 1, \"seed\": 2}", "this is not JSON")]
    public void Read_NoRecipe_IsRefused(string text, string says)
    {
        File.WriteAllText(_recipe["r.json"], text);
        Assert.Contains(says, Assert.Throws<RecipeException>(() => RecipeFile.Read(_recipe["r.json"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoFile_SaysSo() =>
        Assert.Contains("no such file", Assert.Throws<RecipeException>(() => RecipeFile.Read(_recipe["none.json"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_Variables_StandForValuesAndWithinText()
    {
        var path = _recipe.Write("\"variables\": {\"amount\": 0.5, \"name\": \"net\"}, \"model\": {\"path\": \"models/${name}.pt\"}, \"data\": {}",
            """{"type": "prune", "amount": "${amount}"}""");
        var recipe = RecipeFile.Read(path).Recipe;
        Assert.Equal(0.5, ((PruneStage)recipe.Stages[0]).Amount);
        Assert.Equal("models/net.pt", recipe.Model.Path);
        recipe = RecipeFile.Read(path, new Dictionary<string, string> { ["amount"] = "0.75", ["name"] = "other" }).Recipe;
        Assert.Equal(0.75, ((PruneStage)recipe.Stages[0]).Amount);
        Assert.Equal("models/other.pt", recipe.Model.Path);
    }

    [Fact]
    public void Read_SettingOfNoVariable_NamesTheNearest()
    {
        var path = _recipe.Write("\"variables\": {\"amount\": 0.5}, \"model\": {\"path\": \"m\"}, \"data\": {}", Train);
        Assert.Contains("'amount'", Assert.Throws<RecipeException>(
            () => RecipeFile.Read(path, new Dictionary<string, string> { ["amont"] = "1" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DataFolder_IsWhatIsSetAndNothingElse()
    {
        var path = _recipe.Write("\"model\": {\"path\": \"${COPPICE_DATA}/m\"}, \"data\": {}", Train);
        var file = RecipeFile.Read(path, new Dictionary<string, string> { [RecipeFile.DataVariable] = "elsewhere" });
        Assert.Equal(("elsewhere/m", _recipe["elsewhere"]), (file.Recipe.Model.Path, file.DataFolder));
        if (Environment.GetEnvironmentVariable(RecipeFile.DataVariable) is null)
            Assert.Contains("model.path: '${COPPICE_DATA}/m' is in the folder of the larger models and data; set the environment variable COPPICE_DATA",
                Assert.Throws<RecipeException>(() => RecipeFile.Read(path)).Message, StringComparison.Ordinal);
        else
            Assert.NotNull(RecipeFile.Read(path).DataFolder);
    }

    [Fact]
    public void Read_EveryCommittedRecipe_IsOne()
    {
        var files = Directory.GetFiles(TestData.InRepository("recipes"), "*.json");
        Assert.NotEmpty(files);
        var settings = new Dictionary<string, string> { [RecipeFile.DataVariable] = "data" };
        Assert.All(files, file => Assert.NotEmpty(RecipeFile.Read(file, settings).Recipe.Stages));
    }
}
