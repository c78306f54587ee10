"""A Flower client that adds one to every array and evaluates nothing."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


def answer(message, metrics, **records):
    """A reply with one example."""
    return Message(
        content=RecordDict({**records, "metrics": MetricRecord({"num-examples": 1, **metrics})}), reply_to=message)


@app.train()
def train(message: Message, context: Context) -> Message:
    """Adds one."""
    arrays = [array + 1 for array in message.content["arrays"].to_numpy_ndarrays()]
    return answer(message, {}, arrays=ArrayRecord(arrays))


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Answers a loss of zero."""
    return answer(message, {"loss": 0.0})
