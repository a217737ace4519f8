"""`python -m toolbox.models.worker`: names of subjects on standard input, records on standard output."""

import gc
import os
import sys
import warnings


def main() -> None:
    # What libraries print goes where nobody reads it: standard output is for records alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    from toolbox.models import subjects, trial

    every = subjects.every()
    # Every trial collects garbage several times: what has been imported need not be looked at each time.
    gc.collect()
    gc.freeze()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        try:
            record = trial.try_(every[line.strip()])
        except Exception as error:
            subject = every[line.strip()]
            text = f"the sweep itself failed: {type(error).__name__}: {str(error)[:300]}"
            record = trial.Record(subject.name, subject.kind, subject.task, trial.CRASHED, "Sweep", text)
        print(record.to_json(), file=answers, flush=True)


if __name__ == "__main__":
    main()
