"""Times Torch-Pruning's dependency graph, one thread: prints {name: [milliseconds of processor time, of the forward pass alone]} as JSON, medians.
Usage: PYTHONPATH=FOLDER_OF_TORCH_PRUNING /usr/bin/python3 dependency_peer.py"""
import json
import statistics
import time
import warnings
import torch
import torchvision
import torch_pruning as tp

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def milliseconds(work):
    def once():
        start = time.process_time()
        work()
        return 1e3 * (time.process_time() - start)
    return statistics.median(once() for _ in range(7))


def analyse(model, image):
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=image, verbose=False)
    list(graph.get_all_groups(root_module_types=[torch.nn.Conv2d, torch.nn.Linear]))


nets = {"ResNet-50": (torchvision.models.resnet50, 64), "ViT-B/16": (torchvision.models.vit_b_16, 224)}
times = {}
for name, (make, size) in nets.items():
    model, image = make(weights=None).eval(), torch.randn(1, 3, size, size)
    times[name] = [milliseconds(lambda: analyse(model, image)), milliseconds(lambda: model(image))]
print(json.dumps(times))
