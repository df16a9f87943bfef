package dev.mneme.integration.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.util.List;

/**
 * What the forms of attention have in common that take queries, keys and values head by head,
 * rotated already and with the cache in front of keys and values.
 */
final class ScoredAttention {

  private final ShapeInference shapes;
  private final GraphIndex graph;
  private final RotaryReader rotaries;
  private final LayerWindows windows;
  private final TokenRows rows;

  ScoredAttention(
      GraphIndex graph, ShapeInference shapes, RotaryReader rotaries, LayerWindows windows) {
    this.graph = graph;
    this.windows = windows;
    this.shapes = shapes;
    this.rotaries = rotaries;
    rows = new TokenRows(graph, shapes);
  }

  /**
   * Reads an attention.
   *
   * @param core its node
   * @param query queries, {@code [1, heads, n, headDim]} or rows of them
   * @param key keys, the same or transposed
   * @param output the attention's result, before it is rows
   * @param heads number of query heads, 0 to read it from the queries
   * @param scale factor of the products that is not on the way of queries or keys
   * @param softcap bound of the products, 0 for none
   * @param own the node's own caches of keys and values; empty if they are on the way of these
   */
  AttentionLayer read(
      NodeProto core,
      int index,
      String query,
      String key,
      String value,
      String output,
      int heads,
      double scale,
      double softcap,
      List<CachePlace> own)
      throws IOException {
    HeadPath queries = HeadPath.up(graph, shapes, query);
    HeadPath keys = HeadPath.up(graph, shapes, key);
    HeadPath values = HeadPath.up(graph, shapes, value);
    CachePlace keyCache = own.isEmpty() ? onTheWay(core, "keys", keys) : own.getFirst();
    CachePlace valueCache = own.isEmpty() ? onTheWay(core, "values", values) : own.getLast();
    if (values.factor() != 1) {
      throw UnsupportedModelException.at(
          core, "its values are multiplied by %s, supported is 1".formatted(values.factor()));
    }
    RotaryReader.Rotation rotation = rotaries.before(core, queries.tensor(), keys.tensor());
    String queryRows = rows.of(core, rotation.query());
    String keyRows = rows.of(core, rotation.key());
    String valueRows = rows.of(core, values.tensor());
    int queryWidth = shapes.row(queryRows).width();
    int headDim = headDim(core, query, heads, queryWidth);
    int keyWidth = shapes.row(keyRows).width();
    if (headDim <= 0
        || queryWidth % headDim != 0
        || keyWidth % headDim != 0
        || queryWidth % keyWidth != 0
        || shapes.row(valueRows).width() != keyWidth) {
      throw UnsupportedModelException.at(
          core,
          "queries, keys and values of %d, %d and %d elements per token are no heads of %d elements"
              .formatted(queryWidth, keyWidth, shapes.row(valueRows).width(), headDim));
    }
    rotation.check(core, headDim);
    int kvHeads = keyWidth / headDim;
    return new AttentionLayer(
        index,
        core.getName().isEmpty() ? core.getOutput(0) : core.getName(),
        core.getOpType().equals("Softmax") ? "MatMul, Softmax, MatMul" : core.getOpType(),
        queryWidth / headDim,
        kvHeads,
        headDim,
        (float) (scale * queries.factor() * keys.factor()),
        (float) softcap,
        windows.of(index),
        new Projection.Separate(queryRows, keyRows, valueRows),
        rows.below(core, output),
        RotaryTables.always(rotation.table()),
        new LayerCache(
            CacheTensor.read(graph, core, keyCache, false, kvHeads, headDim),
            CacheTensor.read(graph, core, valueCache, false, kvHeads, headDim)));
  }

  private static CachePlace onTheWay(NodeProto core, String what, HeadPath path) {
    CachePlace cache = path.cache();
    if (cache == null) {
      throw UnsupportedModelException.at(
          core,
          "its %s come from '%s' without a cache in front, supported is Concat of an input of the graph and the new ones"
              .formatted(what, path.tensor()));
    }
    return cache;
  }

  private int headDim(NodeProto core, String query, int heads, int queryWidth) {
    TensorShape shape = shapes.shape(query);
    if (heads > 0) {
      return queryWidth % heads == 0 ? queryWidth / heads : 0;
    }
    if (shape == null || shape.rank() < 3 || shape.last() <= 0) {
      throw UnsupportedModelException.at(
          core,
          "its queries '%s' are %s, supported is [1, heads, n, headDim]".formatted(query, shape));
    }
    return Math.toIntExact(shape.last());
  }
}
