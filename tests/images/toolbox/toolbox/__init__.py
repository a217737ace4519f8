"""Programs of the tests: seeds that make models, a stand-in of the model hub, clients of a served model."""
