package dev.flinktf.connector.arrow;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

import java.lang.reflect.Type;
import java.util.Map;

/** Flink's type of {@link ArrowBatch}: neither a key nor a value to compare. */
public final class ArrowBatchTypeInfo extends TypeInformation<ArrowBatch> {

    public static final ArrowBatchTypeInfo INSTANCE = new ArrowBatchTypeInfo();

    private static final long serialVersionUID = 1L;

    /** Tells Flink's type extraction about the class. */
    public static final class Factory extends TypeInfoFactory<ArrowBatch> {
        @Override
        public TypeInformation<ArrowBatch> createTypeInfo(Type type, Map<String, TypeInformation<?>> parameters) {
            return INSTANCE;
        }
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public Class<ArrowBatch> getTypeClass() {
        return ArrowBatch.class;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public TypeSerializer<ArrowBatch> createSerializer(SerializerConfig config) {
        return ArrowBatchSerializer.INSTANCE;
    }

    @Override
    public String toString() {
        return "ArrowBatch";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ArrowBatchTypeInfo;
    }

    @Override
    public int hashCode() {
        return ArrowBatchTypeInfo.class.hashCode();
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof ArrowBatchTypeInfo;
    }
}
