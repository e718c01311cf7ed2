using System.Reflection;
using System.Runtime.CompilerServices;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Tests.PublicApi;

/// <summary>The public surface of the libraries, held by committed text: a change of it is a decision, seen in review.</summary>
public sealed class PublicApiTests
{
    private const string Accept = "COPPICE_ACCEPT";
    private const int ShownLines = 10;

    public static TheoryData<string> Libraries => ["Coppice.Tensors", "Coppice"];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void PublicApi_OfALibrary_IsTheCommittedOne(string library)
    {
        var path = TestData.InRepository("tests", "Coppice.Tests", "PublicApi", library + ".txt");
        var actual = ApiText.Lines(library == "Coppice" ? typeof(Checkpoint).Assembly : typeof(Tensor).Assembly);
        if (Environment.GetEnvironmentVariable(Accept) == "1")
            File.WriteAllLines(path, actual);
        var committed = File.ReadAllLines(path);
        var differences = committed.Except(actual).Select(line => "- " + line).Concat(actual.Except(committed).Select(line => "+ " + line))
            .ToList();
        Assert.True(committed.SequenceEqual(actual),
            $"The public API of {library} changed:\n{string.Join("\n", differences.Take(ShownLines))}\n"
            + (differences.Count > ShownLines ? $"... and {differences.Count - ShownLines} more lines\n" : "")
            + $"If that is meant, run this test with {Accept}=1 and commit {path}.");
    }

    [Fact]
    public void Lines_OfALibrary_AreSortedAndOnce()
    {
        var lines = ApiText.Lines(typeof(Checkpoint).Assembly);
        Assert.Equal(lines.Order(StringComparer.Ordinal).Distinct(), lines);
        Assert.Contains("Coppice.Checkpoints.Checkpoint: static Coppice.Checkpoints.Checkpoint Open(string path)", lines);
        Assert.Contains("Coppice.Generation.GenerationOptions: System.Collections.Generic.IReadOnlyList<string> Stop { get; init; }",
            lines);
        Assert.DoesNotContain(lines, line => line.Contains("ExternalFiles", StringComparison.Ordinal));
    }
}

/// <summary>Writes what other assemblies can see, one line for each type and member.</summary>
internal static class ApiText
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool", [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte", [typeof(short)] = "short", [typeof(ushort)] = "ushort", [typeof(int)] = "int", [typeof(uint)] = "uint",
        [typeof(long)] = "long", [typeof(ulong)] = "ulong", [typeof(float)] = "float", [typeof(double)] = "double", [typeof(char)] = "char",
    };

    public static string[] Lines(Assembly assembly) => [.. assembly.GetExportedTypes()
        .SelectMany(type => Members(type).Select(member => $"{Name(type)}: {member}").Prepend($"{Kind(type)} {Name(type)}{Bases(type)}"))
        .Distinct().Order(StringComparer.Ordinal)];

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        { IsValueType: true } => "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "sealed class",
        _ => "class",
    };

    private static string Bases(Type type)
    {
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        var bases = type.GetInterfaces().Except(inherited).Where(i => i.IsVisible && i != typeof(IEquatable<>).MakeGenericType(type))
            .Select(Name).Order(StringComparer.Ordinal).ToList();
        if (type is { IsClass: true, BaseType: { } parent } && parent != typeof(object))
            bases.Insert(0, Name(parent));
        return bases.Count == 0 || type.IsEnum ? "" : " : " + string.Join(", ", bases);
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name))}");
        return type.GetConstructors(Declared).Where(c => IsVisible(c) && IsWritten(c)).Select(c => $"{Modifiers(c)}new({Parameters(c)})")
            .Concat(type.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily)
                .Select(f => $"{(f.IsLiteral ? "const " : f.IsStatic ? "static " : "")}{Name(f.FieldType)} {f.Name}"))
            .Concat(type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(IsVisible) && IsWritten(p)).Select(Property))
            .Concat(type.GetMethods(Declared).Where(m =>
                IsVisible(m) && IsWritten(m) && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal)))
                .Select(m => $"{Modifiers(m)}{Name(m.ReturnParameter)} {m.Name}{Generics(m)}({Parameters(m)})"));
    }

    /// <summary>Whether a person wrote the member; what the compiler adds to every record would only be noise.</summary>
    private static bool IsWritten(MemberInfo member) => !member.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false);

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Modifiers(MethodBase method) => (method.IsPublic ? "" : "protected ")
        + (method.IsStatic ? "static " : method.DeclaringType!.IsInterface ? "" : method.IsAbstract ? "abstract "
            : method is MethodInfo { IsVirtual: true, IsFinal: false } info ? info.GetBaseDefinition() == info ? "virtual " : "override "
                : "");

    private static string Property(PropertyInfo property)
    {
        var accessors = property.GetAccessors(true).Where(IsVisible).OrderBy(a => a.Name, StringComparer.Ordinal)
            .Select(a => a.Name.Contains("get_", StringComparison.Ordinal) ? "get;"
                : a.ReturnParameter.GetRequiredCustomModifiers().Any(m => m.Name == "IsExternalInit") ? "init;" : "set;");
        var first = property.GetAccessors(true).First(IsVisible);
        var index = property.GetIndexParameters().Length == 0 ? property.Name : $"this[{Parameters(property.GetIndexParameters())}]";
        var type = Name(property.PropertyType) + Mark(new NullabilityInfoContext().Create(property));
        return $"{Modifiers(first)}{type} {index} {{ {string.Join(" ", accessors)} }}";
    }

    private static string Generics(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Parameters(MethodBase method) => Parameters(method.GetParameters());

    private static string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(p =>
        (p.IsOut ? "out " : p.ParameterType.IsByRef ? "ref " : "") + Name(p) + " " + p.Name
        + (p.HasDefaultValue ? $" = {p.RawDefaultValue ?? "null"}" : "")));

    private static string Name(ParameterInfo parameter) =>
        Name(parameter.ParameterType) + Mark(new NullabilityInfoContext().Create(parameter));

    private static string Mark(NullabilityInfo info) => info.ReadState == NullabilityState.Nullable && !info.Type.IsValueType ? "?" : "";

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;
        if (type.IsByRef)
            return Name(type.GetElementType()!);
        if (type.IsPointer)
            return Name(type.GetElementType()!) + "*";
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Name(underlying) + "?";
        if (type.IsGenericParameter)
            return type.Name;
        var name = type.IsNested ? $"{Name(type.DeclaringType!)}.{type.Name}" : $"{type.Namespace}.{type.Name}";
        return type.IsGenericType ? $"{name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }
}
