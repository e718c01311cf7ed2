namespace Coppice.Tokenizers;

/// <summary>A tokenizer's files are missing, malformed or of an unsupported kind. The message names the file and the remedy.</summary>
public sealed class TokenizerException(string message, Exception? innerException = null) : Exception(message, innerException);
