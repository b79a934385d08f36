/**
 * The Flink side of flinktf: how records get from a Flink job into the TensorFlow processes of its roles, and back.
 *
 * <pre>
 *  slots of the pipeline                                 slots of a role: one subtask a replica
 *  ─────────────────────                                 ──────────────────────────────────────
 *  user's operators ─► {@link dev.flinktf.connector.batch.BatchOperator}  ══ ArrowBatch ══►  {@link dev.flinktf.connector.sink.TrainingOperator}    ═╗
 *                      rows to Arrow, one builder                                          ║ unix socket:
 *                      for each subtask of the role     {@link dev.flinktf.connector.role.RoleSource} (no records)  ═╣ agent, then the
 *                                                                                          ║ TensorFlow process
 *  user's operators ◄─ {@link dev.flinktf.connector.transform.DecodeOperator} ◄══ ArrowBatch ══  {@link dev.flinktf.connector.transform.TransformOperator}   ═╝
 *
 *  user's operators ◄─ ML_PREDICT ({@link dev.flinktf.connector.predict.PredictRows}) or {@link dev.flinktf.connector.predict.Prediction}  ◄══ Arrow over TCP ══►  a role's TensorFlow processes
 * </pre>
 *
 * <p>Rows become Arrow where they are made, in the pipeline's slots; a role's TaskManager only moves bytes. Everything
 * behind a socket speaks docs/protocol.md. Start reading at {@link dev.flinktf.connector.FlinkTF}, which wires a
 * pipeline, or at {@link dev.flinktf.connector.role.RoleConnection}, which talks to a role.
 */
package dev.flinktf.connector;
