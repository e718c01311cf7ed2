namespace Coppice.Checkpoints;

/// <summary>How a checkpoint's weights are stored.</summary>
public enum CheckpointFormat
{
    /// <summary>A JSON header and raw bytes: https://github.com/huggingface/safetensors.</summary>
    SafeTensors,
    /// <summary>What <c>torch.save</c> writes: a pickle and raw storages in a zip archive, or the older stream of pickles.</summary>
    PyTorch,
}
