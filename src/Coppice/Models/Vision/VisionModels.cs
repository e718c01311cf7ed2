namespace Coppice.Models.Vision;

/// <summary>An architecture of image classifiers, and what its usual training expects of images.</summary>
/// <param name="Create">Makes the model for a number of classes.</param>
/// <param name="Head">Name of the last linear layer, whose weight [classes, width] tells the number of classes.</param>
/// <param name="Channels">Channels of an image.</param>
/// <param name="Size">Height and width of an image.</param>
/// <param name="Mean">Of each channel, subtracted from values scaled to 0..1.</param>
/// <param name="Std">Of each channel, by which the difference is divided.</param>
public sealed record VisionArchitecture(Func<int, ImageClassifier> Create, string Head, int Channels, int Size,
    IReadOnlyList<float> Mean, IReadOnlyList<float> Std);

/// <summary>The image classifiers that can be run, by the names their authors use; unlike text models they come without a
/// config.json.</summary>
public static class VisionModels
{
    private const int Pool = Vgg.Pool;
    private static readonly float[] ImageNetMean = [0.485f, 0.456f, 0.406f];
    private static readonly float[] ImageNetStd = [0.229f, 0.224f, 0.225f];

    private static readonly Dictionary<string, VisionArchitecture> Architectures = new()
    {
        ["resnet20"] = Cifar("linear", classes => new CifarResNet(3, classes)),
        ["resnet32"] = Cifar("linear", classes => new CifarResNet(5, classes)),
        ["resnet44"] = Cifar("linear", classes => new CifarResNet(7, classes)),
        ["resnet56"] = Cifar("linear", classes => new CifarResNet(9, classes)),
        ["resnet110"] = Cifar("linear", classes => new CifarResNet(18, classes)),
        ["vgg11"] = Cifar("classifier", classes => new Vgg([64, Pool, 128, Pool, 256, 256, Pool, 512, 512, Pool, 512, 512, Pool], classes)),
        ["vgg13"] = Cifar("classifier",
            classes => new Vgg([64, 64, Pool, 128, 128, Pool, 256, 256, Pool, 512, 512, Pool, 512, 512, Pool], classes)),
        ["vgg16"] = Cifar("classifier",
            classes => new Vgg([64, 64, Pool, 128, 128, Pool, 256, 256, 256, Pool, 512, 512, 512, Pool, 512, 512, 512, Pool], classes)),
        ["vgg19"] = Cifar("classifier", classes => new Vgg(
            [64, 64, Pool, 128, 128, Pool, 256, 256, 256, 256, Pool, 512, 512, 512, 512, Pool, 512, 512, 512, 512, Pool], classes)),
        ["simple-cnn"] = Cifar("fc2", classes => new SimpleCnn(classes)),
        ["lenet"] = Mnist("fc3", classes => new LeNet(classes)),
        ["mnist-cnn"] = Mnist("fc2", classes => new MnistCnn(classes)),
        ["resnet18"] = ImageNet("fc", classes => new ResNet([2, 2, 2, 2], false, classes)),
        ["resnet34"] = ImageNet("fc", classes => new ResNet([3, 4, 6, 3], false, classes)),
        ["resnet50"] = ImageNet("fc", classes => new ResNet([3, 4, 6, 3], true, classes)),
        ["mobilenet_v2"] = ImageNet("classifier.1", classes => new MobileNetV2(classes)),
    };

    /// <summary>The known names.</summary>
    public static IReadOnlyCollection<string> Known => Architectures.Keys;

    /// <summary>The architecture of a name, such as <c>resnet20</c>, or null.</summary>
    public static VisionArchitecture? Find(string name) => Architectures.GetValueOrDefault(name);

    private static VisionArchitecture Cifar(string head, Func<int, ImageClassifier> create) =>
        new(create, head, 3, 32, ImageNetMean, ImageNetStd);

    private static VisionArchitecture Mnist(string head, Func<int, ImageClassifier> create) =>
        new(create, head, 1, 28, [0.1307f], [0.3081f]);

    private static VisionArchitecture ImageNet(string head, Func<int, ImageClassifier> create) =>
        new(create, head, 3, 224, ImageNetMean, ImageNetStd);
}
