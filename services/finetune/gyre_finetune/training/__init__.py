"""The training itself, in a process of its own: `python -m gyre_finetune.training FOLDER ...`.

Nothing here knows of Kafka or a database. The folder holds `job.json` and `examples.jsonl`, and
gets checkpoints and the adapter; standard output gets one JSON object a step.
"""
