package peer;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;

/** What a failed request looked like to the caller: the answer's code, and the sentence with it. */
final class Refusal {
  private Refusal() {}

  static void line(Command command, String of, Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null && codeOf(cause) == -1) {
      cause = cause.getCause();
    }
    command.line("REFUSED", of, codeOf(cause), cause.getMessage());
  }

  private static int codeOf(Throwable failure) {
    if (failure instanceof MQBrokerException) {
      return ((MQBrokerException) failure).getResponseCode();
    }
    if (failure instanceof MQClientException) {
      return ((MQClientException) failure).getResponseCode();
    }
    return -1;
  }
}
