"""Plants a schedule of violations and near-misses as raw records; what each record says goes to the oracle."""
