// The Arrow C stream: contents, and that memory lives exactly as long as somebody can reach it.
#include <cstring>

#include "check.hpp"
#include "tidewire/arrow.hpp"

using namespace tidewire;

namespace {

int drops = 0;
void count_drop(void* owner) {
  delete[] static_cast<double*>(owner);
  ++drops;
}

ArrowArrayStream stream_of_two_columns() {
  auto* block = new double[4]{1, 2, 3, 4};
  static const unsigned char validity = 0b01;
  ArrowArrayStream stream{};
  export_arrow_stream({{"a", "g", block, nullptr, 0, false}, {"b", "g", block + 2, &validity, 1, true}}, 2, block,
                      count_drop, &stream);
  return stream;
}

void test_contents() {
  ArrowArrayStream stream = stream_of_two_columns();
  ArrowSchema schema{};
  ArrowArray batch{};
  ArrowArray end{};
  CHECK(stream.get_schema(&stream, &schema) == 0 && stream.get_next(&stream, &batch) == 0 &&
        stream.get_next(&stream, &end) == 0);
  CHECK(end.release == nullptr);
  CHECK(std::strcmp(schema.format, "+s") == 0 && schema.n_children == 2);
  CHECK(std::strcmp(schema.children[1]->name, "b") == 0 && schema.children[1]->flags == arrow_flag_nullable);
  CHECK(batch.length == 2 && batch.n_children == 2 && batch.children[1]->null_count == 1);
  CHECK(static_cast<const double*>(batch.children[1]->buffers[1])[0] == 3);
  schema.release(&schema);
  batch.release(&batch);
  CHECK(schema.release == nullptr && batch.release == nullptr && drops == 0);
  stream.release(&stream);
  CHECK(stream.release == nullptr && drops == 1);
}

void test_a_field_outlives_its_schema() {
  drops = 0;
  ArrowArrayStream stream = stream_of_two_columns();
  ArrowSchema schema{};
  CHECK(stream.get_schema(&stream, &schema) == 0);
  ArrowSchema moved = *schema.children[0];
  schema.children[0]->release = nullptr;
  schema.release(&schema);
  stream.release(&stream);
  CHECK(drops == 0 && std::strcmp(moved.name, "a") == 0);
  moved.release(&moved);
  CHECK(drops == 1);
}

void test_a_column_outlives_its_batch() {
  drops = 0;
  ArrowArrayStream stream = stream_of_two_columns();
  ArrowArray batch{};
  CHECK(stream.get_next(&stream, &batch) == 0);
  ArrowArray moved = *batch.children[1];
  batch.children[1]->release = nullptr;
  batch.release(&batch);
  stream.release(&stream);
  CHECK(drops == 0 && static_cast<const double*>(moved.buffers[1])[1] == 4);
  moved.release(&moved);
  CHECK(drops == 1);
}

void test_an_unread_stream() {
  drops = 0;
  ArrowArrayStream stream = stream_of_two_columns();
  stream.release(&stream);
  CHECK(drops == 1);
}

}  // namespace

int main() {
  test_contents();
  test_a_field_outlives_its_schema();
  test_a_column_outlives_its_batch();
  test_an_unread_stream();
  return check::report("arrow");
}
