#include "tidewire/arrow.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <new>

namespace tidewire {
namespace {

struct Batch {
  std::vector<ArrowColumn> columns;
  std::int64_t rows;
  std::shared_ptr<void> owner;
};

// A parent owns its children until the consumer moves one out, which clears the child's release.
template <class Node>
struct Children {
  explicit Children(std::size_t count) : nodes(count), pointers(count) {
    for (std::size_t i = 0; i < count; ++i) pointers[i] = &nodes[i];
  }
  ~Children() {
    for (Node& node : nodes)
      if (node.release != nullptr) node.release(&node);
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  std::vector<Node> nodes;
  std::vector<Node*> pointers;
};

// A column's buffers, and a share in the memory that they lie in: a column may outlive the batch that it came in.
struct ColumnArray {
  std::array<const void*, 2> buffers;
  std::shared_ptr<void> owner;
};

struct BatchArray {
  explicit BatchArray(std::size_t count) : children(count) {}
  std::array<const void*, 1> buffers{nullptr};
  Children<ArrowArray> children;
};

struct Stream {
  Batch batch;
  bool sent = false;
};

template <class Private, class Node>
void release_node(Node* node) {
  delete static_cast<Private*>(node->private_data);
  node->release = nullptr;
}

void fill_schema(const Batch& batch, ArrowSchema* out) {
  auto children = std::make_unique<Children<ArrowSchema>>(batch.columns.size());
  for (std::size_t i = 0; i < batch.columns.size(); ++i) {
    const ArrowColumn& column = batch.columns[i];
    ArrowSchema& leaf = children->nodes[i];
    leaf.format = column.format;
    leaf.name = column.name;
    leaf.flags = column.nullable ? arrow_flag_nullable : 0;
    leaf.private_data = new std::shared_ptr<void>(batch.owner);  // the texts lie with the columns
    leaf.release = release_node<std::shared_ptr<void>, ArrowSchema>;
  }
  *out = ArrowSchema{};
  out->format = "+s";
  out->name = "";
  out->n_children = static_cast<std::int64_t>(batch.columns.size());
  out->children = children->pointers.data();
  out->release = release_node<Children<ArrowSchema>, ArrowSchema>;
  out->private_data = children.release();
}

void fill_column(const Batch& batch, const ArrowColumn& column, ArrowArray& out) {
  auto held = std::make_unique<ColumnArray>(ColumnArray{{column.validity, column.data}, batch.owner});
  out.length = batch.rows;
  out.null_count = column.null_count;
  out.n_buffers = 2;
  out.buffers = held->buffers.data();
  out.release = release_node<ColumnArray, ArrowArray>;
  out.private_data = held.release();
}

void fill_batch(const Batch& batch, ArrowArray* out) {
  auto held = std::make_unique<BatchArray>(batch.columns.size());
  for (std::size_t i = 0; i < batch.columns.size(); ++i) fill_column(batch, batch.columns[i], held->children.nodes[i]);
  *out = ArrowArray{};
  out->length = batch.rows;
  out->n_buffers = 1;
  out->buffers = held->buffers.data();
  out->n_children = static_cast<std::int64_t>(batch.columns.size());
  out->children = held->children.pointers.data();
  out->release = release_node<BatchArray, ArrowArray>;
  out->private_data = held.release();
}

// NOLINTNEXTLINE(misc-const-correctness): the callbacks' signatures are the specification's
Stream& state(ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  try {
    fill_schema(state(stream).batch, out);
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  Stream& self = state(stream);
  if (self.sent) {
    *out = ArrowArray{};  // released: the end of the stream
    return 0;
  }
  try {
    fill_batch(self.batch, out);
    self.sent = true;
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

const char* get_last_error(ArrowArrayStream*) { return "out of memory"; }

}  // namespace

void export_arrow_stream(const std::vector<ArrowColumn>& columns, std::int64_t rows, void* owner, void (*drop)(void*),
                         ArrowArrayStream* out) {
  std::shared_ptr<void> kept(owner, drop);
  out->private_data = new Stream{{columns, rows, std::move(kept)}};
  out->get_schema = get_schema;
  out->get_next = get_next;
  out->get_last_error = get_last_error;
  out->release = release_node<Stream, ArrowArrayStream>;
}

}  // namespace tidewire
