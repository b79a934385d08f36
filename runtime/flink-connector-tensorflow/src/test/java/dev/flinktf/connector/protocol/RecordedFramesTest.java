package dev.flinktf.connector.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Both sides of the protocol are tested against the same bytes. */
class RecordedFramesTest {

    private static final Path RECORDED = Path.of("../../tests/protocol/frames.json");

    @TestFactory
    Stream<DynamicTest> validFramesAreReadAndWrittenByteForByte() throws IOException {
        return recorded("valid")
                .map(recording -> DynamicTest.dynamicTest(recording.get("name").asText(), () -> {
                    FrameType type = FrameType.valueOf(recording.get("type").asText());
                    byte[] payload = hex(recording.get("payload"));
                    byte[] bytes = hex(recording.get("frame"));

                    FrameReader reader = reader(bytes);
                    Frame frame = reader.read();
                    assertThat(frame.type()).isEqualTo(type);
                    assertThat(frame.payload()).isEqualTo(payload);
                    assertThat(reader.read()).isNull();

                    assertThat(written(type, payload)).isEqualTo(bytes);
                }));
    }

    @TestFactory
    Stream<DynamicTest> invalidBytesAreRefused() throws IOException {
        return recorded("invalid")
                .map(recording -> DynamicTest.dynamicTest(
                        recording.get("name").asText(),
                        () -> assertThatThrownBy(() -> reader(hex(recording.get("frame"))).read())
                                .isInstanceOf(ProtocolException.class)
                                .hasMessageContaining(recording.get("error").asText())));
    }

    @Test
    void answersAreWhatWasRecorded() throws IOException {
        assertThat(answer("ready")).isEqualTo(new Answer.Ready(1, 1));
        assertThat(answer("saved"))
                .isEqualTo(new Answer.Checkpoint(new Saved(12, "file:///checkpoints/12")));
        assertThat(answer("saved nothing")).isEqualTo(new Answer.Checkpoint(new Saved(13, null)));
        assertThat(answer("not saved")).isEqualTo(new Answer.Checkpoint(new Saved(14, null, "no space left")));
        assertThat(answer("progress")).isEqualTo(new Answer.Progress(60, 1920, Map.of("loss", 0.5)));
        assertThat(answer("done")).isEqualTo(new Answer.Done(178, 60));
        assertThat(answer("failed"))
                .isEqualTo(new Answer.Failed("ValueError", "größer als 1", "Traceback …", false));
        assertThatThrownBy(() -> answer("hello")).hasMessageContaining("only a subtask may");
    }

    @Test
    void helloAndBarrierAreWhatWasRecorded() throws IOException {
        StreamSchema schema = new StreamSchema(List.of(new StreamSchema.Column("x", "FLOAT", true)), new byte[3]);
        Hello hello = new Hello("wine", "2f", "worker", 0, 2, 0, Mode.SINK, "tm-1", schema, null, null, null);

        assertThat(hello.frame().text()).isEqualTo(recordedFrame("hello").text());
        String program =
                "{\"file\":null,\"name\":null,\"reference\":\"train:main\",\"pickled\":null,\"epochs\":4,"
                        + "\"properties\":{\"input_types\":\"FLOAT_32\"}}";
        Hello told = new Hello("wine", "2f", "worker", 0, 2, 0, Mode.SINK, "tm-1", schema, null, null, program);
        assertThat(told.frame().text()).isEqualTo(recordedFrame("hello with a program").text());
        assertThat(Hello.barrier(12).text()).isEqualTo(recordedFrame("barrier").text());
    }

    @Test
    void aClientOfAModelSaysAndTakesWhatWasRecorded() throws IOException {
        StreamSchema.Column error = new StreamSchema.Column("error", "VARCHAR(2147483647)", true);
        PredictHello hello =
                new PredictHello(
                        "wine",
                        "/models/wine",
                        null,
                        Map.of("not-finite", "allow"),
                        new StreamSchema(List.of(new StreamSchema.Column("x", "FLOAT", true)), new byte[3]),
                        new StreamSchema(List.of(new StreamSchema.Column("y", "DOUBLE", true), error), new byte[3]));

        assertThat(hello.frame("secret").text()).isEqualTo(recordedFrame("hello to predict").text());
        assertThat(PredictHello.model(recordedFrame("ready to predict"))).isEqualTo("7");
        assertThatThrownBy(() -> PredictHello.model(recordedFrame("ready"))).hasMessage("READY lacks 'model'");
    }

    @Test
    void helloSaysWhatWasRestored() {
        Hello hello = new Hello("", "", "ps", 1, 2, 3, Mode.SOURCE, "", null, null, new Saved(12, "file:///c"), null);

        assertThat(hello.frame().text())
                .contains("\"restored\":{\"checkpointId\":12,\"location\":\"file:///c\"}", "\"schema\":null");
    }

    @Test
    void aMissingKeyIsNamed() {
        assertThatThrownBy(() -> Answer.parse(new Frame(FrameType.SAVED, "{}".getBytes(StandardCharsets.UTF_8))))
                .isInstanceOf(ProtocolException.class)
                .hasMessage("SAVED lacks 'checkpointId'");
        assertThatThrownBy(() -> Answer.parse(new Frame(FrameType.DONE, "[]".getBytes(StandardCharsets.UTF_8))))
                .hasMessageContaining("DONE is not a JSON object");
    }

    @Test
    void anotherVersionIsRefused() {
        byte[] ready = "{\"version\":2,\"generation\":1}".getBytes(StandardCharsets.UTF_8);

        assertThatThrownBy(() -> Answer.parse(new Frame(FrameType.READY, ready))).hasMessageContaining("version 2");
    }

    @Test
    void aPayloadLargerThanTheStagingBufferArrivesWhole() throws IOException {
        byte[] payload = new byte[3_000_001];
        new Random(1).nextBytes(payload);

        Frame frame = reader(written(FrameType.DATA, payload)).read();

        assertThat(frame.payload()).isEqualTo(payload);
    }

    private static Frame recordedFrame(String name) throws IOException {
        JsonNode recording =
                recorded("valid").filter(node -> node.get("name").asText().equals(name)).findFirst().orElseThrow();
        return reader(hex(recording.get("frame"))).read();
    }

    private static Answer answer(String name) throws IOException {
        return Answer.parse(recordedFrame(name));
    }

    private static Stream<JsonNode> recorded(String key) throws IOException {
        JsonNode all = new ObjectMapper().readTree(RECORDED.toFile()).get(key);
        return StreamSupport.stream(all.spliterator(), false);
    }

    private static byte[] hex(JsonNode node) {
        return HexFormat.of().parseHex(node.asText());
    }

    private static FrameReader reader(byte[] bytes) {
        return new FrameReader(Channels.newChannel(new ByteArrayInputStream(bytes)));
    }

    private static byte[] written(FrameType type, byte[] payload) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        // Longer than the payload, as the arrays of batches are.
        new FrameWriter(Channels.newChannel(bytes)).write(type, Arrays.copyOf(payload, payload.length + 7), payload.length);
        return bytes.toByteArray();
    }
}
