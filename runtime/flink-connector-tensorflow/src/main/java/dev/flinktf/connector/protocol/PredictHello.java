package dev.flinktf.connector.protocol;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.Serializable;
import java.util.Map;

/**
 * The first frame of a client of a model: which model it wants, what it will send, and what it takes.
 *
 * @param path of the model, as the role's processes find it
 * @param signature null for the model's default
 * @param options how the model is to be served, in its server's words
 */
public record PredictHello(
        String job,
        String path,
        String signature,
        Map<String, String> options,
        StreamSchema schema,
        StreamSchema outputSchema)
        implements Serializable {

    /** The frame. The token is no part of the record, so that nobody prints it. */
    public Frame frame(String token) {
        ObjectNode node = Json.object();
        node.putArray("versions").add(Hello.VERSION);
        node.put("job", job).put("mode", "predict").put("token", token);
        ObjectNode model = node.putObject("model").put("path", path).put("signature", signature);
        ObjectNode given = model.putObject("options");
        options.forEach(given::put);
        node.set("schema", schema.json());
        node.set("outputSchema", outputSchema.json());
        return Json.frame(FrameType.HELLO, node);
    }

    /**
     * The version of the model that a READY speaks of.
     *
     * @throws ProtocolException for a version of the protocol that was not offered, and for a missing key
     */
    public static String model(Frame ready) throws ProtocolException {
        JsonNode node = Json.parse(ready);
        Answer.requireVersion(node);
        return Json.text(node, FrameType.READY, "model");
    }
}
