package peer;

import java.util.HashMap;
import java.util.Map;

/** One line of stdin: its id, what to do, and the options; and the lines that answer it. */
final class Command {
  final String id;
  final String name;
  private final Map<String, String> options = new HashMap<>();

  Command(String text) {
    String[] fields = text.split("\t");
    id = fields[0];
    name = fields[1];
    for (int i = 2; i < fields.length; i++) {
      int equals = fields[i].indexOf('=');
      options.put(fields[i].substring(0, equals), fields[i].substring(equals + 1));
    }
  }

  String text(String option) {
    String value = options.get(option);
    if (value == null) {
      throw new IllegalArgumentException(name + " needs " + option);
    }
    return value;
  }

  String text(String option, String fallback) {
    return options.getOrDefault(option, fallback);
  }

  int number(String option, int fallback) {
    return Integer.parseInt(text(option, Integer.toString(fallback)));
  }

  boolean has(String option) {
    return options.containsKey(option);
  }

  void line(String event, Object... fields) {
    StringBuilder text = new StringBuilder(id).append('\t').append(event);
    for (Object field : fields) {
      text.append('\t').append(String.valueOf(field).replaceAll("[\t\r\n]+", " "));
    }
    synchronized (System.out) {
      System.out.println(text);
      System.out.flush();
    }
  }
}
