import com.sun.source.util.JavacTask;
import java.nio.file.Path;
import java.util.Arrays;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.ToolProvider;

/** Says what is wrong with the syntax of Java files whose libraries are not there. */
public class Parse {
    public static void main(String[] files) throws Exception {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var found = new DiagnosticCollector<JavaFileObject>();
        var paths = Arrays.stream(files).map(Path::of).toArray(Path[]::new);
        try (var manager = compiler.getStandardFileManager(found, null, null)) {
            var sources = manager.getJavaFileObjects(paths);
            ((JavacTask) compiler.getTask(null, manager, found, null, null, sources)).parse();
        }
        found.getDiagnostics().forEach(System.err::println);
        System.exit(found.getDiagnostics().isEmpty() ? 0 : 1);
    }
}
