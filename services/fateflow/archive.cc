#include "fateflow/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;
using Reader = std::unique_ptr<archive, FreeReader>;

std::string TextOf(archive* a) {
  const char* text = archive_error_string(a);
  return text == nullptr ? "unknown error" : text;
}

void SetFormat(archive* writer, ArchiveFormat format) {
  if (format == ArchiveFormat::kZip) {
    archive_write_set_format_zip(writer);
    return;
  }
  archive_write_set_format_gnutar(writer);
  if (format == ArchiveFormat::kTarGz) archive_write_add_filter_gzip(writer);
}

absl::Status AddFile(archive* writer, const ArchiveMember& member) {
  std::ifstream file(member.path, std::ios::binary | std::ios::ate);
  if (!file) return NotFoundError("file {} cannot be read", member.path);
  std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  int64_t left = file.tellg();
  file.seekg(0);
  archive_entry_set_pathname(entry.get(), member.name.c_str());
  archive_entry_set_size(entry.get(), left);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  if (archive_write_header(writer, entry.get()) != ARCHIVE_OK) {
    return InternalError("cannot pack {}: {}", member.path, TextOf(writer));
  }
  std::vector<char> buffer(size_t{256} << 10);
  while (left > 0) {
    file.read(buffer.data(), std::min<int64_t>(left, static_cast<int64_t>(buffer.size())));
    if (file.gcount() == 0) break;  // the file shrank; the entry is padded
    if (archive_write_data(writer, buffer.data(), static_cast<size_t>(file.gcount())) < 0) {
      return InternalError("cannot pack {}: {}", member.path, TextOf(writer));
    }
    left -= file.gcount();
  }
  return absl::OkStatus();
}

absl::Status CopyData(archive* reader, archive* disk) {
  const void* block;
  size_t size;
  int64_t offset;
  int code;
  while ((code = archive_read_data_block(reader, &block, &size, &offset)) == ARCHIVE_OK) {
    if (archive_write_data_block(disk, block, size, offset) < ARCHIVE_OK) {
      return ResourceExhaustedError("cannot unpack: {}", TextOf(disk));
    }
  }
  if (code == ARCHIVE_EOF) return absl::OkStatus();
  return InvalidArgumentError("damaged archive: {}", TextOf(reader));
}

absl::Status UnpackEntry(archive* reader, archive* disk, archive_entry* entry,
                         const std::string& directory) {
  std::string name = archive_entry_pathname(entry) == nullptr ? "" : archive_entry_pathname(entry);
  auto type = archive_entry_filetype(entry);
  if (type == AE_IFDIR) return absl::OkStatus();
  if (type != AE_IFREG) {
    return InvalidArgumentError("archive member {} is neither file nor folder", Escape(name));
  }
  for (std::string_view piece : Split(name, '/')) {
    if (piece == "..")
      return InvalidArgumentError("archive member {} leaves its folder", Escape(name));
  }
  if (name.empty() || name.front() == '/') {
    return InvalidArgumentError("archive member '{}' is not relative", Escape(name));
  }
  archive_entry_set_pathname(entry, (directory + "/" + name).c_str());
  if (archive_write_header(disk, entry) != ARCHIVE_OK) {
    return InternalError("cannot unpack {}: {}", Escape(name), TextOf(disk));
  }
  return CopyData(reader, disk);
}

absl::StatusOr<Reader> OpenArchive(const std::string& archive_path) {
  Reader reader(archive_read_new());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip(reader.get());
  archive_read_support_filter_gzip(reader.get());
  if (archive_read_open_filename(reader.get(), archive_path.c_str(), 64 << 10) != ARCHIVE_OK) {
    return InvalidArgumentError("cannot read archive {}: {}", archive_path, TextOf(reader.get()));
  }
  return reader;
}

absl::StatusOr<std::string> ReadContent(archive* reader, const std::string& name,
                                        size_t max_bytes) {
  std::string content;
  std::vector<char> buffer(size_t{64} << 10);
  la_ssize_t got;
  while ((got = archive_read_data(reader, buffer.data(), buffer.size())) > 0) {
    content.append(buffer.data(), static_cast<size_t>(got));
    if (content.size() > max_bytes) {
      return ResourceExhaustedError("archive member {} is larger than {} bytes", Escape(name),
                                    max_bytes);
    }
  }
  if (got < 0) return InvalidArgumentError("damaged archive: {}", TextOf(reader));
  return content;
}

}  // namespace

absl::Status PackFiles(const std::vector<ArchiveMember>& members, const std::string& archive_path,
                       ArchiveFormat format) {
  Writer writer(archive_write_new());
  SetFormat(writer.get(), format);
  if (archive_write_open_filename(writer.get(), archive_path.c_str()) != ARCHIVE_OK) {
    return InternalError("cannot write {}: {}", archive_path, TextOf(writer.get()));
  }
  for (const ArchiveMember& member : members) RETURN_IF_ERROR(AddFile(writer.get(), member));
  if (archive_write_close(writer.get()) == ARCHIVE_OK) return absl::OkStatus();
  return InternalError("cannot write {}: {}", archive_path, TextOf(writer.get()));
}

std::vector<ArchiveMember> FilesBelow(const std::string& directory, const std::string& prefix) {
  std::vector<ArchiveMember> members;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    if (!entry.is_regular_file()) continue;
    members.push_back(
        {prefix + fs::relative(entry.path(), directory).string(), entry.path().string()});
  }
  std::sort(members.begin(), members.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return members;
}

absl::Status Unpack(const std::string& archive_path, const std::string& directory) {
  ASSIGN_OR_RETURN(Reader reader, OpenArchive(archive_path));
  Writer disk(archive_write_disk_new());
  archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_SECURE_SYMLINKS);
  archive_entry* entry = nullptr;
  int code;
  while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    RETURN_IF_ERROR(UnpackEntry(reader.get(), disk.get(), entry, directory));
  }
  if (code == ARCHIVE_EOF) return absl::OkStatus();
  return InvalidArgumentError("archive {} is damaged: {}", archive_path, TextOf(reader.get()));
}

absl::Status ReadMembers(
    const std::string& archive_path, size_t max_bytes,
    const std::function<absl::Status(const std::string&, const std::string&)>& visit) {
  ASSIGN_OR_RETURN(Reader reader, OpenArchive(archive_path));
  archive_entry* entry = nullptr;
  int code;
  while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string name = archive_entry_pathname(entry);
    ASSIGN_OR_RETURN(std::string content, ReadContent(reader.get(), name, max_bytes));
    RETURN_IF_ERROR(visit(name, content));
  }
  if (code == ARCHIVE_EOF) return absl::OkStatus();
  return InvalidArgumentError("archive {} is damaged: {}", archive_path, TextOf(reader.get()));
}

}  // namespace fate::flow
