import FoundationEssentials
import MantaServing
import MantaTestKit
import Testing

@testable import MantaConfig

@Suite("Model repository")
struct ModelRepositoryTests {
    @Test("models, their versions and their configuration are found")
    func finds() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "models/b/1/model.onnx")
            try folder.write("", to: "models/b/12/model.onnx")
            try folder.write("", to: "models/a/3/model.onnx")
            try folder.write("replicas: 2", to: "models/a/model.yaml")

            let sources = try ModelRepository.read(folders: [folder.path + "/models/"], files: [])

            #expect(sources.map(\.configuration.name) == ["a", "b"])
            #expect(sources.map(\.configuration.replicas) == [2, nil])
            #expect(sources.map(\.origin) == [folder.path + "/models/a", folder.path + "/models/b"])
            #expect(
                sources[1].versions
                    == [1, 12].reduce(into: [:]) { $0[$1] = folder.path + "/models/b/\($1)/model.onnx" })
            #expect(sources.flatMap(\.faults) == [])
        }
    }

    @Test("folders that are no version, hidden folders and loose files are ignored")
    func ignores() throws {
        try TemporaryFolder.with { folder in
            for version in ["1", "01", "0", "-1", "+2", "x", "1.0", ".2", "99999999999999999999"] {
                try folder.write("", to: "a/\(version)/model.onnx")
            }
            try folder.write("", to: "a/5")
            try folder.write("", to: ".git/1/model.onnx")
            try folder.write("", to: "README.md")

            let sources = try ModelRepository.read(folders: [folder.path], files: [])

            #expect(sources.map(\.configuration.name) == ["a"])
            #expect(sources.map(\.versions.keys.first) == [1])
            #expect(sources.map(\.versions.count) == [1])
        }
    }

    @Test("a model without a version, or without its file, is found and says what it lacks")
    func lacks() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "empty/notes.txt")
            try folder.write("", to: "fileless/2/notes.txt")
            try folder.write("", to: "other/1/model.onnx")
            try folder.write("versions: {serve: [2, 3]}", to: "other/model.yaml")

            let sources = try ModelRepository.read(folders: [folder.path], files: [])

            #expect(
                sources.flatMap(\.faults).map { $0.description.replacing(folder.path, with: "") } == [
                    "/empty: has no version: expected a folder such as 1/ with the model file in it",
                    "/fileless/2/model.onnx: there is no model file, or it can't be read",
                    "/other: has the versions 1, of which versions.serve selects none",
                ])
            #expect(sources[2].vacancy.hasSuffix("/other has the versions 1, of which versions.serve selects none"))
        }
    }

    @Test("a model.yaml that can't be read, or has another name, is not passed over")
    func unread() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "a/model.yml")
            try folder.write("", to: "b/model.yaml/1")
            try folder.write("", to: "c/1/model.onnx")
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/c/model.yaml", withDestinationPath: "../nowhere")

            let error = #expect(throws: ConfigurationErrors.self) {
                try ModelRepository.read(folders: [folder.path], files: [])
            }

            #expect(
                error?.faults.map { $0.description.replacing(folder.path + "/", with: "") } == [
                    "a/model.yml: is not read, expected the name model.yaml",
                    "b/model.yaml: can't be read: Is a directory",
                    "c/model.yaml: can't be read: No such file or directory",
                ])
        }
    }

    @Test("a model whose model.yaml has a path is read from there, a file or a folder of versions")
    func elsewhere() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "weights/net.onnx")
            try folder.write("", to: "store/7/model.onnx")
            try folder.write("path: ../../weights/net.onnx", to: "models/a/model.yaml")
            try folder.write("path: ../../store", to: "models/b/model.yaml")
            try folder.write("", to: "models/b/1/model.onnx")
            try folder.write("path: nowhere", to: "models/c/model.yaml")

            let findings = ModelRepository.find(folders: [folder.path + "/models"], files: [])

            #expect(findings.deployments.map(\.configuration.name) == ["a", "b"])
            #expect(findings.deployments.map { Array($0.versions.keys) } == [[1], [7]])
            #expect(findings.deployments.map(\.file) == ["a", "b"].map { "\(folder.path)/models/\($0)/model.yaml" })
            #expect(findings.deployments.flatMap(\.faults) == [])
            #expect(
                findings.broken["c"]?.description.replacing(folder.path, with: "")
                    == "/models/c/nowhere: there is no such model file or folder of versions")
        }
    }

    @Test("what is wrong with one model is told under its name, and the others are found")
    func broken() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "a/1/model.onnx")
            try folder.write("replicas: none", to: "b/model.yaml")

            let findings = ModelRepository.find(folders: [folder.path, folder.path + "/gone"], files: [])

            #expect(findings.deployments.map(\.configuration.name) == ["a"])
            #expect(findings.broken.keys.sorted() == ["b"])
            #expect(findings.faults.map(\.message) == ["there is none, expected a folder of models"])
            #expect(findings.allFaults.count == 2)
        }
    }

    @Test(
        "a loose file has its own name, or that of the folder it is in",
        arguments: [
            ("resnet50.onnx", "resnet50"), ("a/b.v2.onnx", "b.v2"), ("resnet50/1/model.onnx", "resnet50"),
            ("model.onnx", "model"), ("./model.onnx", "model"), ("../model.onnx", "model"), ("net", "net"),
            ("/srv/x/.onnx", "x"), ("/model.onnx", "model"), ("a b.onnx", "a b"),
        ])
    func looseName(path: String, name: String) {
        #expect(ModelRepository.name(ofFile: path) == name)
    }

    @Test("every fault of every model, folder and file is told, those of one model together")
    func faults() throws {
        try TemporaryFolder.with { folder in
            try folder.write("nam: a\nreplicas: 0", to: "models/a/model.yaml")
            try folder.write("name: c", to: "models/b/model.yaml")
            try folder.write("", to: "models/bad\nname/1/model.onnx")
            try folder.write("", to: "models/x/1/model.onnx")
            try folder.write("", to: "more/x/1/model.onnx")
            try folder.write("", to: "x.onnx")

            let paths = { (names: [String]) in names.map { folder.path + "/" + $0 } }
            let error = #expect(throws: ConfigurationErrors.self) {
                try ModelRepository.read(
                    folders: paths(["models", "more", "none", "x.onnx"]),
                    files: paths(["x.onnx", "none.onnx", "models"]))
            }

            #expect(
                error?.faults.map { $0.description.replacing(folder.path + "/", with: "") } == [
                    "models/a/model.yaml:1:1: unknown key \"nam\", did you mean \"name\"? allowed here: name, path, "
                        + "file_name, remote, idempotent, hedge, engine, batching, inputs, outputs, slo, queue, response_cache, replicas, "
                        + "versions, warmup, onnxruntime, rollout, autoscaling, tuning, resources, placement",
                    "models/a/model.yaml:2:11: replicas: expected a whole number from 1 to 1024, found 0",
                    "models/b/model.yaml:1:7: name: expected \"b\", the name of the deployment, found the string \"c\"",
                    "models/bad\nname: \"bad\\nname\" can't be a model's name, expected one without control characters",
                    "models: is a folder, expected a model file; name a folder of models with --models, or under "
                        + "\"models\"",
                    "none.onnx: there is no such file",
                    "none: there is none, expected a folder of models",
                    "x.onnx: is a file, expected a folder of models",
                    "more/x: the name \"x\" is taken by models/x, expected a name for each model",
                    "x.onnx: the name \"x\" is taken by models/x, expected a name for each model",
                ])
        }
    }
}
