import Foundation
import MantaTestKit
import Testing

@testable import MantaController

extension Watching {
    /// Real files. The kernel has queued the events of a change when the change returns, so nothing is waited for.
    @Suite("Watched folders")
    struct WatchedTreeTests {
        let folder: TemporaryFolder
        let root: String
        let files = FileManager.default

        init() throws {
            folder = try TemporaryFolder()
            root = folder.path + "/models"
            try write("1", to: "models/a/1/model.onnx")
            try write("name: a", to: "models/a/model.yaml")
        }

        private func tree(_ paths: String...) throws -> WatchedTree { try WatchedTree(paths: paths) }

        /// Expects that `change` is noticed, and that nothing is left over to be noticed after it.
        private func expect(
            _ noticed: Bool = true, in tree: WatchedTree, location: SourceLocation = #_sourceLocation,
            after change: () throws -> Void
        ) throws {
            #expect(try !tree.update(), "something was noticed before", sourceLocation: location)
            try change()
            #expect(try tree.update() == noticed, sourceLocation: location)
        }

        /// Writes a file and waits until it is closed: a process that another test starts at this moment has a copy of
        /// what is open here until it runs its own program, and so ends the file's last use later.
        private func write(_ text: String, to name: String) throws {
            try folder.write(text, to: name)
            let file = try FileHandle(forReadingFrom: URL(filePath: folder.path + "/" + name))
            let setLease: Int32 = 1_024  // F_SETLEASE, which Swift doesn't see
            // Refused as long as anybody has the file open for writing.
            while fcntl(file.fileDescriptor, setLease, F_RDLCK) != 0 { try #require(errno == EAGAIN) }
            try #require(fcntl(file.fileDescriptor, setLease, F_UNLCK) == 0)
            try file.close()
        }

        private func make(_ path: String) throws {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        private func link(_ path: String, to target: String) throws {
            try files.createSymbolicLink(atPath: path, withDestinationPath: target)
        }

        /// Replaces a link or file as `mv -T` does.
        private func rename(_ old: String, to new: String) throws {
            try #require(unsafe Glibc.rename(old, new) == 0)
        }

        @Test("files that come, change and go, on each level")
        func files_() throws {
            let tree = try tree(root)
            for name in ["models/x", "models/a/model.yaml", "models/a/1/model.onnx", "models/a/1/new"] {
                try expect(in: tree) { try write("new", to: name) }
                try expect(in: tree) { try write("other", to: name) }
                try expect(in: tree) {
                    try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path + "/" + name)
                }
                try expect(in: tree) { try files.removeItem(atPath: folder.path + "/" + name) }
            }
        }

        @Test("reading is no change")
        func reading() throws {
            let tree = try tree(root)
            try expect(false, in: tree) {
                _ = try Data(contentsOf: URL(filePath: root + "/a/model.yaml"))
                _ = try files.subpathsOfDirectory(atPath: root)
            }
        }

        @Test("what is outside, deeper than a version or in a hidden folder is no change")
        func outside() throws {
            try make(root + "/a/1/deep")
            try make(root + "/.hidden")
            let tree = try tree(root)
            try expect(false, in: tree) {
                try write("", to: "beside")
                try write("", to: "models/a/1/deep/file")
                try write("", to: "models/.hidden/file")
            }
        }

        @Test("what comes in new folders, made at once or one after the other")
        func newFolders() throws {
            let tree = try tree(root)
            try expect(in: tree) { try make(root + "/b") }
            try expect(in: tree) { try make(root + "/b/1") }
            try expect(in: tree) { try write("", to: "models/b/1/model.onnx") }
            try expect(in: tree) { try write("", to: "models/c/1/model.onnx") }
            try expect(in: tree) { try write("more", to: "models/c/1/model.onnx") }
        }

        @Test("folders that are renamed, within, away and in")
        func renames() throws {
            let tree = try tree(root)
            try expect(in: tree) { try rename(root + "/a", to: root + "/b") }
            try expect(in: tree) { try write("", to: "models/b/1/model.onnx") }
            try expect(in: tree) { try rename(root + "/b", to: folder.path + "/away") }
            try expect(false, in: tree) { try write("", to: "away/1/model.onnx") }
            try expect(in: tree) { try rename(folder.path + "/away", to: root + "/back") }
            try expect(in: tree) { try write("", to: "models/back/1/model.onnx") }
        }

        @Test("a folder that is removed and made again")
        func remade() throws {
            let tree = try tree(root)
            for _ in 0..<3 {
                try expect(in: tree) { try files.removeItem(atPath: root + "/a") }
                try expect(in: tree) { try write("", to: "models/a/1/model.onnx") }
                try expect(in: tree) { try write("2", to: "models/a/1/model.onnx") }
                try expect(in: tree) {
                    try files.removeItem(atPath: root + "/a")
                    try write("", to: "models/a/1/model.onnx")
                }
                try expect(in: tree) { try write("2", to: "models/a/1/model.onnx") }
            }
        }

        @Test("a watched folder that goes away and comes back, with the folders above it")
        func rootComesBack() throws {
            let deep = folder.path + "/x/y/models"
            let tree = try tree(deep)
            for _ in 0..<3 {
                try expect(in: tree) { try make(folder.path + "/x") }
                try expect(false, in: tree) { try make(folder.path + "/x/other") }
                try expect(in: tree) { try make(folder.path + "/x/y") }
                try expect(in: tree) { try write("", to: "x/y/models/m/1/model.onnx") }
                try expect(in: tree) { try write("2", to: "x/y/models/m/1/model.onnx") }
                try expect(in: tree) { try files.removeItem(atPath: deep) }
                try expect(in: tree) { try write("", to: "x/y/models/m/1/model.onnx") }
                try expect(in: tree) { try write("2", to: "x/y/models/m/1/model.onnx") }
                try expect(in: tree) { try rename(folder.path + "/x", to: folder.path + "/moved") }
                try expect(false, in: tree) { try write("3", to: "moved/y/models/m/1/model.onnx") }
                try files.removeItem(atPath: folder.path + "/moved")
            }
        }

        @Test("a file of its own, however an editor writes it, and not its neighbours")
        func singleFile() throws {
            try write("a: 1", to: "etc/manta.yaml")
            let file = folder.path + "/etc/manta.yaml"
            let tree = try tree(file)
            try expect(in: tree) { try write("a: 2", to: "etc/manta.yaml") }
            try expect(false, in: tree) { try write("a: 3", to: "etc/.manta.yaml.swp") }
            try expect(in: tree) { try rename(folder.path + "/etc/.manta.yaml.swp", to: file) }
            try expect(in: tree) { try rename(file, to: file + "~") }
            try expect(false, in: tree) { try files.removeItem(atPath: file + "~") }
            try expect(in: tree) { try write("a: 4", to: "etc/manta.yaml") }
            try expect(in: tree) { try files.removeItem(atPath: file) }
        }

        @Test("a configuration that Kubernetes mounts, when its link is swapped")
        func configMap() throws {
            let mount = folder.path + "/mount"
            try write("1", to: "mount/..v1/manta.yaml")
            try link(mount + "/..data", to: "..v1")
            try link(mount + "/manta.yaml", to: "..data/manta.yaml")
            let tree = try tree(mount + "/manta.yaml")

            for version in 2...4 {
                try expect(false, in: tree) { try write("\(version)", to: "mount/..v\(version)/manta.yaml") }
                try expect(false, in: tree) { try link(mount + "/..data_tmp", to: "..v\(version)") }
                try expect(in: tree) { try rename(mount + "/..data_tmp", to: mount + "/..data") }
                try expect(false, in: tree) { try files.removeItem(atPath: mount + "/..v\(version - 1)") }
                try expect(in: tree) { try write("more", to: "mount/..v\(version)/manta.yaml") }
            }
        }

        @Test("models and files that are links to elsewhere, and links of links")
        func links() throws {
            try write("", to: "disk/b1/1/model.onnx")
            try write("", to: "disk/b2/1/model.onnx")
            try write("", to: "blobs/1")
            try link(folder.path + "/current", to: "disk/b1")
            try link(root + "/b", to: folder.path + "/current")
            try link(root + "/a/1/weights", to: "../../../blobs/1")
            let tree = try tree(root)

            try expect(in: tree) { try write("2", to: "disk/b1/1/model.onnx") }
            try expect(in: tree) { try write("2", to: "blobs/1") }
            try expect(false, in: tree) { try write("2", to: "blobs/2") }
            try link(folder.path + "/next", to: "disk/b2")
            try expect(in: tree) { try rename(folder.path + "/next", to: folder.path + "/current") }
            try expect(in: tree) { try write("2", to: "disk/b2/1/model.onnx") }
            try expect(false, in: tree) { try write("3", to: "disk/b1/1/model.onnx") }
        }

        @Test("links in circles and to nothing are left alone, until they lead somewhere")
        func uselessLinks() throws {
            try link(root + "/self", to: "self")
            try link(root + "/up", to: "..")
            try link(root + "/x", to: "y")
            try link(root + "/y", to: "x")
            try link(root + "/nothing", to: "../later")
            let tree = try tree(root)
            try expect(in: tree) { try write("2", to: "models/a/1/model.onnx") }
            try expect(in: tree) { try write("", to: "later/1/model.onnx") }
            try expect(in: tree) { try write("2", to: "later/1/model.onnx") }
        }

        @Test("when the kernel loses events everything may have changed, and new folders are found all the same")
        func overflow() throws {
            let tree = try tree(root)
            let limit = try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
            let count = try #require(Int(limit.trimmingCharacters(in: .whitespacesAndNewlines)))
            try expect(in: tree) {
                // One after the other, since the kernel merges equal events. None says that a folder came.
                for index in 0...count {
                    unsafe chmod(root + (index.isMultiple(of: 2) ? "/a/model.yaml" : "/a/1/model.onnx"), 0o644)
                }
                try make(root + "/lost/1")
            }
            try expect(in: tree) { try write("", to: "models/lost/1/model.onnx") }
        }

        @Test("random changes are noticed as they come", arguments: 0..<20 as Range<UInt64>)
        func randomChanges(round: UInt64) throws {
            let seed = 0x7761_7463_6800 + round
            var random = SeededGenerator(seed: seed)
            let tree = try tree(root)
            for step in 0..<60 {
                let model = root + "/\(Int.random(in: 0..<3, using: &random))"
                let version = model + "/\(Int.random(in: 1..<3, using: &random))"
                let path = Bool.random(using: &random) ? model : version
                let exists = files.fileExists(atPath: path)
                var isChange = true
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    isChange = !files.fileExists(atPath: version)
                    try make(version)
                case 1 where exists: try files.removeItem(atPath: path)
                case 2 where exists: try rename(path, to: "\(root)/\(step + 100)")
                default:
                    isChange = files.fileExists(atPath: version)
                    if isChange { try write("\(step)", to: version.dropFirst(folder.path.count + 1) + "/model.onnx") }
                }
                #expect(try tree.update() == isChange, "seed \(seed), step \(step)")
                #expect(try !tree.update(), "seed \(seed), step \(step)")
            }
            // Whatever came about, each folder there is now is watched.
            for path in try files.subpathsOfDirectory(atPath: root).sorted() {
                var isFolder: ObjCBool = false
                _ = unsafe files.fileExists(atPath: root + "/" + path, isDirectory: &isFolder)
                guard isFolder.boolValue else { continue }
                try expect(in: tree) { try write("last", to: "models/\(path)/probe") }
            }
        }
    }
}
