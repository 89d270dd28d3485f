<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
<context>
    <name>HydraNet</name>
    <message>
        <location filename="../../hydranet_qgis/dock/empty_state.py"/>
        <source> &amp;Open run folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/empty_state.py"/>
        <source> &amp;Run HydraNet…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source> &amp;Train an expert…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source> and </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>&amp;All</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>&amp;Automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>&amp;Based on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>&amp;CPU (about 1.2 GB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>&amp;Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>&amp;Folder of wheels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/page.py"/>
        <source>&amp;Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>&amp;Map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>&amp;Opacity</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>&amp;Policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>&amp;Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>&amp;Set up again…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>&amp;Set up…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>&amp;Stop and keep the best</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>&amp;Test</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>&amp;Threshold of</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>&amp;Tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>&amp;Use by default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>&apos;{name}&apos; is no class of the expert {expert}; its classes are {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>(the best so far)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>(value {sign} {offset}) × {scale}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>+ {count} again for the seams</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <source>, about {time} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>, simulated data only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>0 – one answer is certain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>0 – the heads agree</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>0 – the image is clear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>1 band</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_model.py"/>
        <source>1 object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>1 tile encoded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>1 – all answers equally likely</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>1 – the image is unclear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>&lt;b&gt;1 of {total} tiles&lt;/b&gt; would change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>&lt;b&gt;No tile would change.&lt;/b&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>&lt;b&gt;{tiles} of {total} tiles&lt;/b&gt; would be decoded; so far there are only scores.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>&lt;b&gt;{tiles} of {total} tiles&lt;/b&gt; would change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>&lt;p&gt;Compares a raster of classes with reference polygons or a reference raster: confusion matrix, accuracy, and IoU, F1, precision and recall of each class, as a report with tables. Works on any raster of classes.&lt;/p&gt;&lt;p&gt;Of a run of HydraNet also the switcher is judged: did the tiles that needed the expert get it, and do its scores mean what they say.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>&lt;p&gt;Cuts rasters and labels of your own into tiles that a new expert can learn from: imagery, label rasters, which tiles need the expert, and a split into train, val, cal and test by regions. What the labels do not tell stays unknown.&lt;/p&gt;&lt;p&gt;Give polygons with a class field, or a label raster. Classes and colours are taken from the layer&apos;s legend where it is drawn by them.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>&lt;p&gt;Finds objects in a multi-band satellite raster and gives each one as a polygon with its class, score, length and area, and the experts of the network that served it. An object that lies across tiles is found once.&lt;/p&gt;&lt;p&gt;Only the model&apos;s objects expert is run, on the tiles that the switcher sends to it or on every tile. &lt;i&gt;Predict with routed experts&lt;/i&gt; runs it together with the others.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>&lt;p&gt;Gives a finished run another policy. The scores are there already, so only the tiles and experts that the new policy adds are decoded; what it drops is taken out. Afterwards the run folder is the same as that of a new run with this policy.&lt;/p&gt;&lt;p&gt;A run of scores only is decoded by it.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>&lt;p&gt;Learns from training tiles with labels of your own, and writes a new model bundle: with one more expert on the encoder as it is, with an expert that was trained further, or with a switcher that knows your tiles better. What is not trained stays the same to the bit.&lt;/p&gt;&lt;p&gt;The learning curves appear in the panel &lt;i&gt;HydraNet training&lt;/i&gt; while it learns; there it can be ended early with the best so far. Cancel stops without a bundle.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/predict.py"/>
        <source>&lt;p&gt;Runs the HydraNet mixture-of-experts network over a multi-band satellite raster. The raster is cut into tiles; each tile is encoded once, a switcher scores every expert, and only the experts a tile needs decode it. Every expert that was used gives one layer, with bands of uncertainty if asked for; one that finds objects gives polygons. The routing layer keeps all scores, and the scene class of each tile if the model tells one.&lt;/p&gt;&lt;p&gt;A worker process with its own Python environment does the work, so running out of memory there does not take QGIS down.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/route.py"/>
        <source>&lt;p&gt;Scores every tile of a multi-band satellite raster for every expert, and decides which would decode it, but runs none of them: a fast map of what is where.&lt;/p&gt;&lt;p&gt;The run folder can be given to &lt;i&gt;Reroute a run&lt;/i&gt;, or to &lt;i&gt;What if&lt;/i&gt; in the HydraNet panel, which decode what is then chosen.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>&lt;p&gt;Writes an 8-band GeoTIFF of reflectance &amp;times; 10000 with the bands pan, blue, green, red, re1, re2, re3 and nir, named and in this order, as the model reads it.&lt;/p&gt;&lt;p&gt;Give one layer with several bands, or several layers with one band each, such as the files B02, B03, B04 and B08 of a Sentinel-2 product. Pan is made from the other bands where it is lacking.&lt;/p&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>A class raster and a run folder are both given; leave one of them out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>A copy of the objects that were found, for the next step of a model or another place than the run folder; without any if no tile was routed to their expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>A copy of what the expert {name} finds, for the next step of a model or another place than the run folder; all no data if no tile was routed to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>A file could not be written; check who owns the QGIS profile, and whether a virus scanner holds the file, then press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>A file with a list of further tasks, each with at least task and path; see the help page. Paths are those of plain files, seen from the folder of the list.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>A folder of wheels to install from without a network: collect them with pip download</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>A package arrived damaged; press Set up again, and if that does not help, run pip cache purge.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>A raster of the expert {name} is wanted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>A raster whose first band holds the true classes, in any coordinate system and pixel size; the nearest pixel counts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>A raster whose first band holds whole numbers, one for each class; its no data is unknown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>A raster with any of the bands pan, blue, green, red, red edge 1 to 3 (re1, re2, re3) and near infrared (nir). A layer that is no file on this computer is exported first, only the extent if one is given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>A row for each value of the field or the raster: what class it is, and its colour as #rrggbb or nothing. A class that is named twice joins values; the class unknown is not learnt. Empty: as the layer&apos;s legend has them if it is drawn by categories of that field, or by a palette, else the values themselves.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>A row for each value of the reference: which class of the judged raster it is, as its value or its name; unknown leaves it out. Empty: texts are names of classes and numbers their values, or, if the reference is drawn by categories that are called like classes, as its legend says.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>A run is going on in process {pid}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>A run is going on in the worker and would fail. Stop it all the same?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>A tile with enough of these classes needs the expert: names separated by commas, or by semicolons where a name has a comma. Empty: all but the background.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>A&amp;dd…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Above the threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Abstained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Add the folder of a model bundle, with model.json and its weights</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Address of a package index (a mirror) to take every package from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Adds bands to each expert&apos;s raster that say how unsure it is there, from 0 (sure) to 1, with styles that show them: for every expert of classes or probabilities its uncertainty (band 2), and for one whose decoder has several heads also the part that lies in the image (band 3, aleatoric) and the part about which the heads disagree (band 4, model), which is high where the training left the answer open. The routing table tells the mean of the uncertainty and of the model&apos;s part in every tile. Densities have no such bands. The rasters become larger.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Aleatoric uncertainty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Aleatoric uncertainty: the part that lies in the image itself, such as mixed pixels, haze and edges; every head of the expert finds it unclear.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <source>All</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>All experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>All objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>All scenes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>All tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>All tiles that found it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Allow a bundle or a training that already lies in the output folder to be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Allow a report that already lies in the folder to be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Allow a run that already lies in the run folder, finished or not, to be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Allow missing bands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Allow tiles that already lie in the folder to be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Always the strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>An empty or new folder for the new model bundle: all experts and the new one, with its curves and figures in the folder training. A temporary folder is gone when QGIS closes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>An expert decodes a tile if its score reaches its threshold; a tile may need none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>An expert is skipped where the pixel size is outside what it was trained for. Tick to use it all the same; its results may then mean little.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>An expert&apos;s score is at most 0.1 below what is enough, or k left it out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Another QGIS is setting up this profile&apos;s environment already (process {pid} on {host}); wait until it has finished.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Another number deals the regions out in another way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>Another tile sees more of it; the experts are those that served it there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Any raster of classes. One that lies in a run folder of HydraNet is judged with its run, so that the switcher is judged, too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Apple GPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Area (m²)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <source>Arrow keys choose a tile, Enter moves the map to it, Shift and Ctrl select several</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_table.py"/>
        <source>Arrow keys choose an object, Enter moves the map to it, Escape goes back to the tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>As the run is: back to its own policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Asking this Python…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>At most so many experts, the strongest, decode a tile. Fewer is faster; more than the model has stand for all. The policy recall knows no such limit and ignores it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Back to the calibrated threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Back to the calibrated threshold, {value:.2f}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Back to the imagery: hide this run&apos;s layers; once more brings them back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Band {band}: {meaning}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>Bands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Bands &apos;{text}&apos; is not known; write auto, {known}, or blue=2,green=3,red=4.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Bands gives {name} the layer band &apos;{number}&apos;; write a number from 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Bands gives {name} the layer band {number}, but the layer has only {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Bands names &apos;{name}&apos;, which is none of {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Bands names {name} twice; name each band once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>Before the first epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Best epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/heat_ramps.py"/>
        <source>Blues</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>CPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>CPU and Apple GPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>CSV files (*.csv)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Calibration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Cancel set-&amp;up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <location filename="../../hydranet_qgis/algorithms/objects_sink.py"/>
        <source>Cancelled; the run itself is finished and kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/footprints.py"/>
        <source>Cancelled; the tiles are finished and kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Cancelled; what was half made has been removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_bars.py"/>
        <source>Changes by expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Choose a Python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <source>Choose a folder with a model bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_detail.py"/>
        <source>Choose a tile in the table or on the map to see its experts&apos; scores.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/heat_ramps.py"/>
        <source>Cividis</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>Class and score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Class of the raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Class outside the polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Class outside the reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Class raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Class, as value or name, of what lies in no polygon of the reference, inside the labelled area if there is one. Empty: it is not compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Classes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/told_labels.py"/>
        <source>Classes and colours are those of the legend of &apos;{layer}&apos;: {classes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Classes of the reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Classes that need the expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>Classes that need the expert name &apos;{name}&apos;, which is none of {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Classes: {classes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Clear the filters and show all tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Colour</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Colour ramp of the scores</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Command line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Command: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Compared pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>Comparing parts {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_bars.py"/>
        <source>Compute saved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_bars.py"/>
        <source>Compute saved against all experts on all tiles: {before:.0%} now, {after:.0%} then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_bars.py"/>
        <source>Compute: not known of this run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Confusion matrix (CSV)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Contact sheet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Content from which a tile needs the expert (%)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Continue a run that stopped on the way, with the same settings and the same run folder. The result is the same as without the interruption. Without an unfinished run it starts from the beginning; a finished one of the same settings is taken as it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Continue a training that stopped on the way, with the same settings and the same output folder; only limit and threads may differ. Without one there it starts from the beginning.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Continue an export that stopped on the way, with the same settings and the same folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Cop&amp;y CSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Copy &amp;log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Copy the command line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Counts and the contact sheet as a page, listed in the Results Viewer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Cutting tiles {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Decode what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Decode {added} missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Decode {added} missing, drop {dropped}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Decoded in {tiles} of {total} tiles; no data elsewhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>Decoding missing tiles {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/rerouting.py"/>
        <source>Decoding {run}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>Decodings added (tile and expert)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>Decodings dropped (tile and expert)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <source>Default: {bundle}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Description of the run (run.json)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Done; the layers show the new policy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Done; the run in {folder} has the new policy. Its project is closed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Drawing the tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/drop.py"/>
        <source>Drop to open the run in &apos;{name}&apos;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Drop {dropped}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/values.py"/>
        <source>EXPERTS names &apos;{name}&apos;, which the model bundle does not have; its experts are {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Edge of a region (m)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Edge of a tile, a multiple of 32.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>End the training after this step; the bundle is made from its best epoch, as at a usual end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>End the waiting worker and free its memory; the next run starts a new one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Ending…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>Epoch {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>Epoch {number} of {epochs}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Epoch {number}, the best so far</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Epochs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Epochs done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Epochs, at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>Evaluate against a reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Every expert that is needed to miss no more than a share of the tiles in need</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Every tile goes to its strongest experts, whatever their scores</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Every tile is to be searched, so the thresholds &apos;{text}&apos; decide nothing; leave them empty, or do not search every tile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Every tile with its scores, experts, scene class and number of objects, as a CSV file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Expert of the bundle that is trained further, where its name is not that of the task; it then stays as it is, and the new one is added. Empty: the expert with the task&apos;s name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Expert of the bundle whose decoder the new one starts from; one that sees something alike learns faster. Empty: from scratch.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Expert of the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Expert to begin with (finetune only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Expert to start from (expert only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Expert whose threshold is moved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>Expert {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_shares.py"/>
        <source>Expert {number}: {count} objects, {share} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Experts and weights by layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Experts chosen for the tile, strongest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Experts of the last layer, % of objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Experts per tile, at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Experts that may be chosen, written by name. None: all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>Experts that served the object in layer {number} of the decoder; the bars are their weights</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Export training tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>Exporting the layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Extent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>F1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Field of the class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Field of the true class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Figures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/drop.py"/>
        <source>Files of {count} folders were dropped; drop one run at a time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Find (Ctrl+F)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Find objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Find tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Folder of a finished run, in the place of a class raster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>Folder of a finished run, made by Predict or Route. It is changed; its raster must still be where it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Folder of the report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Folder of tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Folder with a model bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Folder with another model.json and its weights, such as Train makes. Empty: the default one, which is chosen in Settings &gt; Options &gt; HydraNet; at first the model that comes with the plugin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Folder with routerset.json, as Export training tiles makes it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>For this scene it decides as the run&apos;s own policy does.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/heat_ramps.py"/>
        <source>Greys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>Groups of experts that the tile as a whole called for. In each layer of the decoder, an object is served only by experts of these groups.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>HTML files (*.html)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/help_button.py"/>
        <source>Help on this page</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Highest score of all experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>How experts are chosen for a tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_scores.py"/>
        <source>How many tiles have which score. The line is the threshold, the dotted line the calibrated one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>How pixel values become reflectance. auto reads it from metadata or from the range of values; scale,offset such as 0.0001,0 states it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>How sure the expert is that it is there, 0 to 1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/page.py"/>
        <source>HydraNet computes in a worker process with a Python of its own, apart from QGIS&apos; Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>HydraNet has no Python environment for its worker yet; make one with Settings &gt; Options &gt; HydraNet &gt; Set up…, or name there a Python that has torch and rasterio (it may also stand in the variable {variable}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>HydraNet tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <location filename="../../hydranet_qgis/training/dock.py"/>
        <source>HydraNet training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/dialog.py"/>
        <source>HydraNet worker environment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/provider.py"/>
        <source>HydraNet – mixture of experts for satellite imagery</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>HydraNet&apos;s private environment does not work any more: there is no Python at {path}, perhaps because Python {version} was removed or upgraded; make it anew with Settings &gt; Options &gt; HydraNet &gt; Set up…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Identifier of the new bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Imagery only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Input raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Input rasters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Installing packages…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>IoU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>It cannot be started: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>It did all its epochs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>It did not answer within {n} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>It ended as its time was over</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>It ended by itself, as it no longer became better</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>It ends with the best epoch; the bundle is made then.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/rerouting.py"/>
        <source>It failed without a word; see the Processing log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>It takes {n} MB of memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>It was told that it is enough</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>Its last words: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>JSON files (*.json)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Kappa</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Keep that file: routing the run anew, or resuming it, reads it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Keep the run there, with the objects of all classes, the routing table and run.json. Needed to see the run in the HydraNet panel, to resume or to reroute it. Empty: it is gone when QGIS closes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Keep tiles without any label</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>L {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Label polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/told_labels.py"/>
        <source>Label polygons and a label raster are both given; leave one of them out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Label raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Labelled area</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/block_copy.py"/>
        <source>Layer &apos;{name}&apos; cannot be exported; save it as a GeoTIFF and use that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Layer &apos;{name}&apos; could not be exported to {path} ({why}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Layer &apos;{name}&apos; has to be exported to {path}, but another file is there; move it away or choose another run folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/band_stack.py"/>
        <source>Layer &apos;{name}&apos; has {count} bands; give one layer with all the bands, or several with one band each.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Layer &apos;{name}&apos; has {need} MB of pixels to export, and {folder} only {free} MB of space; give an extent, or choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Layer &apos;{name}&apos; is no file on this computer, so its pixels are exported to {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>Layer &apos;{name}&apos; shows finished pictures ({provider}): their colours are no measured bands, so nothing can be predicted from them. Choose a layer with the bands themselves.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>Layer of found objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>Layer {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>Layer {number}: {experts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Learning curves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Least score of objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Least share of valid pixels (%)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Left out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>Left out by the mask: {tiles} of {total} tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Left out: {reasons}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>Legend of the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>Length</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Length (m)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>Length on the ground; the tool tip of an object tells its width and area</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Less than the tile size makes tiles overlap, and more of them. Empty: no overlap.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Licence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Licence of imagery and labels, kept in the catalogue. Empty: not stated.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Log of the set-up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Looking for Python…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Loss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Loss, logarithmic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>M&amp;issed at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Made by {program} with the model {model} from {scene}; the scene&apos;s own terms apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Made on {day} with Python {python} and torch {torch}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/heat_ramps.py"/>
        <source>Magma</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Making an environment with {python}…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Map colours</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Mean F1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Mean IoU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>Mean model uncertainty of {expert} in each tile, from 0 to {top}; {meaning}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Mean model uncertainty of {expert} over the tile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Mean uncertainty of the expert whose score is shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>Mean uncertainty of {expert} in each tile, from 0 to {top}; {meaning}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Mean uncertainty of {expert} over the tile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>Means over the tile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Memory (MB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Missed at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Missed at most (%, recall only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Missed at most, percent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Missing: pairs of a tile and an expert that this policy chooses and the run has not decoded. Only they are decoded, into the layers you see.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Missing: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/base.py"/>
        <source>Mixture of experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/parameter_widgets.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Model bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Model bundles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <source>Model unc.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Model uncertainty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Model uncertainty: the part about which the expert&apos;s heads disagree. It is small where the training left no doubt; where it is high, the training did not settle the answer, often because the imagery is unfamiliar.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Model uncertainty: {expert}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Model: {model}, {sha}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>More options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>More tasks (JSON)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Move a control to see what would change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Moved: {experts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>NVIDIA &amp;GPU with CUDA (several GB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>NVIDIA GPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Name a Python, or choose Automatic.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Name of the class of what lies in no polygon, inside the labelled area if there is one. Empty: it is unknown there, as of polygons that are only examples.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Nearly chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Neighbouring tiles share so many pixels and are blended there. More hides seams better and takes longer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>New bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>No Python was found that an environment can be made from; install Python 3.10 or newer (from python.org, or python3-venv of your distribution) and open this page again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>No data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>No environment to compute in yet; set one up once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>No expert is named, but the tiles have the tasks {tasks}; name one of them as Expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/told_labels.py"/>
        <source>No field is given, so all label polygons are one class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>No objects were looked for: the expert is for pixels of another size.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>No objects were looked for: the expert is for pixels of {least} to {most} m.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>No objects were looked for: the run was asked for without this expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>No objects were looked for: the tile was not routed to {expert}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>No objects were looked for: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>No picture: the scene {scene} cannot be read; put it back where it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>No picture: {scene} has no pixel here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>No polygon of the layer &apos;{name}&apos; is selected; select some, or use all of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>No polygon of the mask &apos;{name}&apos; is selected; select some, or use all of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/empty_state.py"/>
        <source>No run in this project yet. Run HydraNet on a satellite raster, and every tile&apos;s scores and experts appear here. A run&apos;s folder can also be dropped here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>No tile was routed to the expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>No training in this session yet. Train an expert on tiles of your own, and its learning curves appear here while it learns.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>No worker is running; a run starts one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>None were found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Nothing to decode</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Number</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Number of objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Number of objects found in the tile; one that lies across a seam counts in both tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <source>Objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Objects below the score that the model sets for their class are left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>Objects of the expert {name} are wanted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_table.py"/>
        <location filename="../../hydranet_qgis/dock/tile_objects.py"/>
        <source>Objects of the tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_shares.py"/>
        <source>Objects per class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Objects per class, mean score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Objects per class, mean score ({count} in all)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_shares.py"/>
        <source>Objects per expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Objects with a lower score, from 0 to 1, are left out; a higher one finds fewer and surer objects. It does not change which tiles are searched. Empty: the scores that the model sets for its classes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Objects with a score below {score} are left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Of all that is random. Another one gives another training of the same kind.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Of the tiles that need an expert, so many in a hundred may be missed; 5 stands for 0.05 on the command line. Only the policy recall uses it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>On the test tiles: {figure} {value}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>One layer with all the bands, or one layer per band, all in the same coordinate system; the finest of their resolutions is used for all. Band descriptions or endings of file names such as B02 or blue say which is which.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>One polygon for each object, with class, score, area, length and width, the tiles that found it, and the groups and experts of the network that served it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>One polygon for each tile, with the score of every expert, the experts chosen and why. {routed} of {total} tiles went to an expert, {abstained} needed none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>One polygon per tile with its split, its region, and whether it needs the expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>One polygon per tile, with every expert&apos;s score and why it was chosen or not, the scene class if the model has a scene expert, and mean uncertainties if they were asked for. Left temporary, it is the table inside the run folder; a file name saves a copy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Only objects of these classes, written by name. None: all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Only this part of the raster, widened to whole pixels. Empty: all of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Opacity of the tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Opacity of the tiles: {percent} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Open &amp;folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/run_panel.py"/>
        <source>Open HydraNet run folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Open run folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Origin of the labels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Outcome</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Outlines are oriented rectangles, lengths and widths theirs in metres on the ground. groups and experts tell, for each layer of the network, the groups of experts that suited the tile and the experts that served the object with their weights, counted from 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Outlines of the tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Outside the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Overall accuracy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Overlap is {overlap} pixels, but the model&apos;s tiles have {tile}; use at most {most}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Overlap of tiles (pixels)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Overwrite a bundle in the output folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Overwrite a report in the folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Overwrite a run in the run folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Overwrite tiles in the folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>PNG images (*.png)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Package &amp;index</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>Packages could not be installed: {why}; the log tells more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Per cent of the tiles for train, val, cal and test, in this order: to learn from, to choose the best moment, to calibrate scores, and to judge the result by.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Per tile, at &amp;most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/map_link.py"/>
        <source>Pick a tile on the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/map_link.py"/>
        <source>Pick a tile on the map; Escape goes back to the tool before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Picture of the learning curves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>Picture of the tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>Policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Policy changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Polygons in any coordinate system. Only tiles that touch one are read, and results outside the polygons are no data. Empty: no mask.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Polygons of the area that was looked at. Only what lies there is compared. Empty: all of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Polygons of the area that was looked at. Tiles are cut only there, and what lies outside is unknown. Empty: all of each raster was looked at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Polygons of what is to be learnt, in any coordinate system. Give these or a label raster, not both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Polygons that are not one plain file are copied while this lasts; to repeat it on the command line, save them as a GeoPackage.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Polygons with the true class, in any coordinate system. Give these or a reference raster, not both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>Precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Predict and the other algorithms use this bundle where none is named; see the options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/predict.py"/>
        <source>Predict with routed experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Predict with routed experts…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Prepare bands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Prepared raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Processor threads to use. Empty: one for each core. The results are the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Progress of the decoding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Python of an environment with torch and rasterio</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Python of the worker</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Python {version} with torch {torch} and rasterio {rasterio}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Python {version} without {names}; install it there, or set up an environment below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Python {version}: {path} ({origin})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>QGIS setting {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/interpreters.py"/>
        <source>QGIS&apos; own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Radiometry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Radiometry &apos;{text}&apos; is not understood; write auto, or scale,offset such as 0.0001,0.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>Raster of expert {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Rasters as for Predict; all are read in the same way. Each keeps its own pixel grid.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Rasters of the routed experts, with bands of uncertainty if asked for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/route.py"/>
        <source>Reading and routing tiles {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <source>Reading the results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>Reading the tile&apos;s picture…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>Reading {count} tiles…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/predict.py"/>
        <source>Reading, routing and decoding tiles {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Ready after {n} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>Recall</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Recall guarantee</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Reference polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>Reference polygons and a reference raster are both given; leave one of them out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Reference raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>Reflectance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Repeats this run outside QGIS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>Reroute a run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Results without tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Resume an unfinished export in the folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Resume an unfinished run in the run folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Resume an unfinished training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Resume continues the export in the folder and Overwrite replaces it; tick only one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Resume continues the run in the run folder and Overwrite replaces it; tick only one of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>Resume continues the training in the output folder and Overwrite replaces it; tick only one of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/route.py"/>
        <source>Route tiles (scores only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Routed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <location filename="../../hydranet_qgis/results.py"/>
        <source>Routing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Routing policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Row</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Row and column of the tile, from the top left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/class_table.py"/>
        <source>Row {row} of the table of classes has value &apos;{value}&apos; and class &apos;{name}&apos;; give both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/map_link.py"/>
        <location filename="../../hydranet_qgis/dock/tile_detail.py"/>
        <source>Row {row}, column {col}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_model.py"/>
        <source>Row {row}, column {col}: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>Run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>Run HydraNet…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Run folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>Runs of this project, the latest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Runs on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Runs on: {device}, {precision}, {n} threads</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>S&amp;ummary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Save picture of the summary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Save picture…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Save tiles as CSV</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Save tiles…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/scene_expert.py"/>
        <source>Scene</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Scene class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Scene groups by layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>Scene groups: {layers}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Scene: {path}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>Score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Score of {expert}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>Score of {expert} from 0 to 1, threshold {threshold:.2f}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>Score of {expert} from 0 to 1; the policy top-k knows no threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Score: {expert}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Scores from which experts decode a tile, such as water=0.4,roads=0.6; 0 takes every tile, 1 hardly any. An expert that is not named keeps its calibrated threshold. Only the policy threshold knows them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/score_bars.py"/>
        <source>Scores of the tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Scores only: no expert was run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Scores only: no expert was run. Decode from the page &apos;What if&apos;.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>Scores only: no objects were looked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Search also the tiles where the switcher expects no objects. That takes longer, and finds those that it would have missed, and more that are none. The routing policy does not matter then.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Search every tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Searching tiles {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Seed of the splits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>Serving expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>Set up a private environment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Set up…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Set-up of {time}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Share</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Share of a tile&apos;s valid pixels; 1 stands for 0.01 on the command line.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Share of the tiles that need an expert which it may miss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Shares of the splits (%)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Show all tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>Show how far each score is from the threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Show only tiles of this expert, and its score; with &apos;nearly chosen&apos;, those it just missed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Show only tiles of this scene class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Show only tiles with objects of this class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Show only tiles with this outcome</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Show or hide the learning curves of HydraNet trainings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Show or hide the tiles of HydraNet runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Skip damaged parts of the raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Some of the tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Splits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_scores.py"/>
        <source>Spread of the scores</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Squares of this size go into one split whole, so that no tile is judged by its neighbour. Empty: four tiles.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Start a worker with this Python and ask for its versions and its device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Starting a worker…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>Starting the HydraNet worker with {path} ({origin}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <source>Starting the worker</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>Starting the worker to check the environment…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Step from tile to tile (pixels)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Sto&amp;p worker</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Stopped; the run is as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>Stopping</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Strongest expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Summary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Summary of the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Summary of the training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Switcher</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Switcher, {name}: {figures}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Take parts of the raster that cannot be read for no data, and count them in a warning, where it would otherwise stop.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>Take the bundle off this list; its files stay</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Task</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Task of the tiles that the expert is trained for, by its name there. May be empty if the tiles have one task only, and is empty for the switcher.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Test</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>The GeoTIFF to write.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet plugin was switched off, and this job with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet plugin was switched off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker could not be started with {path}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker could not start with {path} ({how}); see Settings &gt; Options &gt; HydraNet, where an environment can be made and tested.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker gave no sign of life for {n} s and was ended; run it again, with fewer experts or a smaller extent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker said nothing for {n} s after it was started with {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker speaks protocol {found}, this plugin speaks {expected}; install the plugin anew and restart QGIS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The HydraNet worker stopped unexpectedly ({how}); the next run starts a new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/rerouting.py"/>
        <source>The algorithm {name} is not there; enable the HydraNet plugin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>The bundle is temporary and gone when QGIS closes; copy its folder to keep it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/footprints.py"/>
        <source>The catalogue in {folder} cannot be read ({why}); export the tiles again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>The chosen model bundle finds {known}, and no {names}; choose other CLASSES.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>The command line is on the clipboard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>The curves begin with the first epoch.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>The default model bundle {folder} has no expert that finds objects; choose a model bundle that has one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/values.py"/>
        <source>The default model bundle {folder} has no {file} any more; choose another one in Settings &gt; Options &gt; HydraNet, or name one as Model bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>The default model has {experts}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The disk is full; free some space in the QGIS profile&apos;s disk and press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>The disk of the QGIS profile has {free} GB free, about {needed} GB are needed; free some space and press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>The environment is made from this Python; the Python itself is not changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/job.py"/>
        <source>The environment is ready: Python {python}, torch {torch}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>The environment was made, but {names} is missing in it; the log tells more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/models.py"/>
        <source>The example model {path} cannot be read and is left out; install the plugin again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>The expert &apos;{name}&apos; is named, but no run folder is given; leave it out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>The expert {expert} gives no classes ({kind}); choose a raster of classes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>The export of layer &apos;{name}&apos; in {path} is used again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/pixel_window.py"/>
        <location filename="../../hydranet_qgis/algorithms/values.py"/>
        <source>The extent lies outside the raster &apos;{name}&apos;; choose one that overlaps it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>The field that holds the class of a polygon, a number or a text. Empty: all polygons are one class.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>The field that holds the class of a polygon, a number or text. Empty: all polygons are class 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/run_panel.py"/>
        <source>The filters were cleared to show the tile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>The folder &apos;{value}&apos; from the {origin} is no environment with a Python; choose a Python that has torch and rasterio in Settings &gt; Options &gt; HydraNet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>The folder of the new bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The folder of wheels has no {name} for this Python; add that wheel, or choose the Python the wheels were collected for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>The folder of wheels {folder} is not there; choose the one they were put into.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The folder {folder} already holds a model bundle; choose another one, or tick Overwrite.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>The folder {folder} already holds a report; choose another, or tick Overwrite.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The folder {folder} already holds tiles; choose another folder, or tick Overwrite.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/tiles.py"/>
        <source>The folder {folder} has no {file}, so it holds no training tiles; choose one that Export training tiles finished.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The folder {folder} holds an unfinished training; tick Resume to continue it or Overwrite to replace it, or choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>The folder {folder} holds no wheels (*.whl); choose the one they were put into.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The folder&apos;s name is too long for Windows; switch on long paths in Windows (LongPathsEnabled) and press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/values.py"/>
        <source>The input raster &apos;{name}&apos; cannot be opened; choose a raster that QGIS can show.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/several_rasters.py"/>
        <source>The input raster &apos;{name}&apos; cannot be opened; choose rasters that QGIS can show.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>The layer &apos;{name}&apos; cannot be copied for the worker ({trouble}); save it as a GeoPackage and use that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; cannot be opened; choose a polygon layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>The layer &apos;{name}&apos; cannot be opened; mend its source or choose another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; has no field &apos;{field}&apos;; its fields are {fields}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; holds no polygons; choose a polygon layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; is empty; choose one with polygons.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; lies outside all of the rasters; choose one that overlaps.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/label_file.py"/>
        <source>The layer &apos;{name}&apos; lies outside the raster &apos;{raster}&apos;; choose one that overlaps it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>The layer &apos;{name}&apos; of this run has edits that are not saved, and its table is written anew; save or discard them first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/band_stack.py"/>
        <source>The layer &apos;{other}&apos; does not overlap the others; choose layers of one scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/footprints.py"/>
        <source>The layer of tiles could not be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/band_stack.py"/>
        <source>The layers &apos;{one}&apos; and &apos;{other}&apos; have different coordinate systems; reproject one of them first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/band_stack.py"/>
        <source>The layers could not be put together ({why}); check that each can be opened and that none is rotated.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/set_aside.py"/>
        <source>The layers of {folder} cannot be copied to show them meanwhile ({error}); free some space in the folder for temporary files, or remove the layers, then run again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The list of more tasks {path} cannot be read ({why}); mend it or leave it out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The list of more tasks {path} is no JSON list of objects with a task and a path each; see the help page for an example.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>The mask &apos;{name}&apos; cannot be opened; choose a polygon layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>The mask &apos;{name}&apos; holds no polygons; choose a polygon layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>The mask &apos;{name}&apos; is empty; choose a layer with polygons.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/mask_file.py"/>
        <source>The mask &apos;{name}&apos; lies outside the raster &apos;{raster}&apos;; choose one that overlaps it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>The mask is not one plain file, so its polygons are copied while this run lasts; to repeat it on the command line, save the mask as a GeoPackage.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>The model bundle could not be read, so none are listed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The model bundle has an expert {name} already; choose finetune to train it further, or another bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The model bundle has no expert &apos;{name}&apos; to be trained further; name one of {names} as Expert to begin with, or choose expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>The model bundle {folder} has no expert that finds objects; choose one that has, or leave the model bundle empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/values.py"/>
        <source>The model bundle {folder} has no {file}; choose the folder that holds it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>The model bundle {path} is gone; bring it back to decode with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>The model that comes with the plugin has no expert that finds objects; choose a model bundle that has one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The new bundle {folder} can be chosen as Model bundle in Predict, or as the default one in Settings &gt; Options &gt; HydraNet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The new bundle {folder} is a file; give the name of a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The new bundle {folder} is temporary and gone when QGIS closes; until then it can be chosen as Model bundle in Predict. Copy the folder to keep it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The new bundle {folder} would lie among the training tiles; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The new bundle {folder} would replace the one that is extended; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects_sink.py"/>
        <source>The objects cannot be saved in the run folder {folder}, which has its own; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects_sink.py"/>
        <source>The objects could not be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The output folder {folder} has &apos;{found}&apos; in its path, and QGIS opens nothing from there; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The output folder {folder} is a file; give the name of a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The package index could not be reached; check the connection and QGIS&apos; proxy settings, or name another package index or a folder of wheels under More options.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The package index has a certificate that this Python does not trust, often because a company&apos;s proxy reads along; name the company&apos;s certificate in pip&apos;s configuration (pip config set global.cert FILE) and press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The package index has no {name} for this Python and machine; choose another Python (3.11 to 3.13 are the safest), or another package index under More options.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The package index refuses access; check its address, and the user and password in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>The picture was saved as {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>The prepared raster &apos;{target}&apos; is one of the inputs; give another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>The prepared raster &apos;{target}&apos; is to be a GeoTIFF; give a name that ends in .tif.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The proxy could not be used; check its address in Settings &gt; Options &gt; Network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>The proxy wants a user and a password; enter them in Settings &gt; Options &gt; Network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/told_labels.py"/>
        <source>The raster of classes &apos;{name}&apos; cannot be opened; choose one that QGIS can show.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>The raster of the expert {name} cannot lie in the run folder {folder}, which has its own; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>The raster of the expert {name} could not be written to {path} ({why}); the run itself is finished and lies in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>The raster of the expert {name} is to be {path}, but no raster format ends in &apos;{suffix}&apos;; give a name that ends in .tif.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>The raster of the expert {name} would replace the input raster {path}; give another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>The raster {path} is gone; bring it back to decode from it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>The rasters of the experts {one} and {other} are both to be {path}; give one another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/routing_sink.py"/>
        <source>The routing layer could not be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The run failed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>The run folder {folder} already holds a run; choose another folder, or tick Overwrite.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>The run folder {folder} has &apos;{found}&apos; in its path, and QGIS opens no tables from there; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>The run folder {folder} holds an unfinished run; tick Resume to continue it or Overwrite to replace it, or choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>The run folder {folder} is a file; give the name of a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The run was cancelled before it began.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/layer_export.py"/>
        <source>The run was cancelled while its input was exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The run was cancelled while its worker started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The run was cancelled; its worker had to be ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>The run was cancelled; nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>The run {folder} has no raster of classes; choose a run with one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>The run {folder} has no result of an expert &apos;{name}&apos;; it has {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>The run {folder} has results of the experts {names}; say which one is to be judged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>The run {folder} is judged: what its expert {expert} found, and its routing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The same figure on the test tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>The same on the command line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>The same on the command line:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>The same run on the command line:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The same training on the command line:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>The scene has no pixel here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>The scene is not there any more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/job.py"/>
        <source>The set-up failed: {why}; the log tells more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/job.py"/>
        <source>The set-up was cancelled; what was half made has been removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The shares of the splits are &apos;{text}&apos;; write four numbers for {names} that make 100, the first above 0, such as 60,15,10,15.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The step from tile to tile is {stride} pixels, but a tile has {size}; use at most {size}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>The summary cannot be written to {path} ({why}); the tiles are finished and kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>The summary is on the clipboard as CSV.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/class_table.py"/>
        <source>The table of classes gives &apos;{name}&apos; the colour &apos;{color}&apos;; write it as #rrggbb.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/class_table.py"/>
        <source>The table of classes has {count} cells, which are no whole rows of {columns}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/class_table.py"/>
        <source>The table of classes names the value &apos;{value}&apos; twice; name each value once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The task &apos;{name}&apos; comes twice; give each a name of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The task is called &apos;{name}&apos;; use a short name of small letters, numbers and _ that begins with a letter and is none of {taken}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/what_if.py"/>
        <source>The threshold of {experts} is 0: any tile with data may go there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_picture.py"/>
        <source>The tile and its surroundings in {scene}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>The tile size is {size}; use a multiple of {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/footprints.py"/>
        <source>The tile {path} cannot be read; export the tiles again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The tiles have no task &apos;{name}&apos;; name one of {tasks} as Expert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>The tiles have the tasks {tasks}, none of which is an expert of the model bundle ({names}); choose other tiles or another bundle, or train an expert first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_loader.py"/>
        <source>The tiles of {folder} cannot be read ({kind}: {error}); run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>The tiles were saved as {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>The training ends then with the best so far, or earlier when it no longer becomes better. What is made ready before and measured after is not counted. Empty: no limit.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The training failed; see the log of the algorithm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/tiles.py"/>
        <source>The training tiles of {path} cannot be understood ({why}); export them again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>The training was stopped without a bundle; tick Resume with the same settings and output folder to go on where it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>The trainings of this session, the newest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>The variable HYDRANET_PYTHON if it is set, then the environment made below, then an environment in the profile&apos;s folder hydranet/venv</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>The worker waits in process {pid}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>The worker&apos;s Python &apos;{value}&apos; from the {origin} does not exist; choose a Python that has torch and rasterio in Settings &gt; Options &gt; HydraNet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>The worker&apos;s Python &apos;{value}&apos; from the {origin} is QGIS itself; choose a Python that has torch and rasterio in Settings &gt; Options &gt; HydraNet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/told_labels.py"/>
        <source>There are no labels; give label polygons or a label raster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>There is no program {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>There is no reference; give reference polygons or a reference raster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>There is no {file} in {folder}; algorithms will ask for another bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>There is nothing to judge; give a class raster or a run folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>There was not enough memory to unpack torch; close other programs and press Set up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>This &amp;one:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This Python cannot make environments; install its venv module (on Debian and Ubuntu the package python3-venv).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is Python {version}; Python {needed} or newer is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is QGIS itself, not a Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is a 32-bit Python; torch exists for 64 bit only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is a Python for Intel Macs, for which torch is no longer made; use one for Apple silicon.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is not a working Python 3: it did not say what it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/python_facts.py"/>
        <source>This is {name}; torch needs the usual Python (CPython).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>This model: {scores}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>This summary as a PNG image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>This version of HydraNet comes with other packages: set it up again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Threads</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_widgets.py"/>
        <source>Threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Thresholds (threshold only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Thresholds are given, but the policy {policy} does not use them; leave them empty, or choose the policy threshold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Thresholds gives {name} &apos;{number}&apos;; write a number from 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Thresholds names &apos;{name}&apos;, which is none of the experts {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>Thresholds names {name} twice; name each expert once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_detail.py"/>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Tile size (pixels)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <source>Tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Tiles of the split {split}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Tiles overlap and are blended there, so decoded neighbours of a tile that comes or goes are decoded once more. The result is the same as that of a new run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>Tiles per expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>Tiles per expert and totals, to paste into a spreadsheet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Tiles per expert, mean score</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>Tiles per scene class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Tiles per scene class, mean probability</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Tiles routed to an expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Tiles that needed no expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Tiles whose experts differ under the policy of the page &apos;What if&apos;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Tiles with fewer are left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Tiles, all splits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Tiles: {splits}; regions: {regions}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Times that all tiles are seen. Empty: what suits what is trained.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Title of the task</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/leftovers.py"/>
        <source>To go on where it stopped, run it again with the same run folder and tick Resume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>Together</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/what_if.py"/>
        <source>Too few calibration tiles to promise at most {share:g} % missed for {experts}: every tile goes there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Train an expert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Train for at most (minutes)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Trained on simulated data only; check the result with care.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>Training tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>Uncert.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Uncertainty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>Uncertainty: the entropy of the prediction as a share of the largest there can be, 0 where one answer is certain, 1 where all are equally likely.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_choices.py"/>
        <source>Uncertainty: {expert}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Unchanged to the bit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Unchanged to the bit, by checksum: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Use experts outside their resolution</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <location filename="../../hydranet_qgis/training/panel.py"/>
        <source>Used by default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>Used now: {path} ({origin})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Validation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>Validation figure that decided</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/curves.py"/>
        <source>Validation: {figure}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Value in the reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Values: probability, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>Values: {kind} in {unit}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/heat_ramps.py"/>
        <source>Viridis</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_client.py"/>
        <source>Waiting for another HydraNet run to finish.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_summary.py"/>
        <source>Warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>Warnings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/layout.py"/>
        <source>What &amp;if</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>What batches, queues and caches may take together, beside the model itself. Empty: chosen for this computer. The results are the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>What became of the tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_panel.py"/>
        <source>What is dropped can be decoded again at any time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>What is dropped leaves the layers; it can be decoded again at any time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>What is to be learnt, as a short name such as reed: small letters, numbers and _. The expert that learns it and its outputs are called so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_model.py"/>
        <source>What it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>What the map shows of this run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>What the reference&apos;s values mean is taken from the legend of &apos;{layer}&apos;: {classes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>What the tile as a whole looks like, and how probable that is. The expert {title} has {count} branches, each for some of its classes; for a tile only the {k} that a gate picks are run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_headings.py"/>
        <source>What the tile as a whole looks like, as the scene expert has it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>What to train</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>What users read for the task, such as Reed beds. Empty: its name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/drop.py"/>
        <source>What was dropped is no local file; drop a run&apos;s folder, or one of its files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Where the report, its tables (CSV) and pictures are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Where the run is kept: rasters and objects with their styles, the routing table, and run.json, which holds all that is needed to repeat it. A temporary folder is gone when QGIS closes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>Where the tiles are kept; Train reads them from there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>Which layer band is which. auto reads band descriptions and wavelengths, and refuses rather than guesses. blue=2,green=3,red=4,nir=8 says it band by band. The name of a sensor states a known order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Which tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>Whole run: {cost}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate_parameters.py"/>
        <source>Whose raster of the run is judged, such as water. Empty: the only one that gave classes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_fields.py"/>
        <source>Width (m)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>With objects ({count})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Words in the place, the experts, the outcome or the scene, such as r3, water or abstained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/plugin.py"/>
        <source>Worker environment…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/worker_algorithm.py"/>
        <source>Working on {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Would change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>Would change ({count})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Write bands that the input lacks as no data, where it would otherwise be refused. The model works without them, less well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Write tiles of which no label says anything, too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>Writing pieces {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>Writing the objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <source>Writing {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_parameters.py"/>
        <source>Written into the catalogue. hand: drawn by people; derived: from other data, such as a map; algorithm: made by a program; perimeter: an outline around what is mixed; undocumented: not known.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>a Python, or the folder of an environment, with torch and rasterio</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>about {time}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>about {time} of computing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/outcome_bar.py"/>
        <location filename="../../hydranet_qgis/routing_style.py"/>
        <source>abstained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_table.py"/>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>abstained: all below threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>abstained: no expert can serve this scene</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>against every expert on every tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>area {area} m²</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>as chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>at most {time} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>below its threshold {limit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>best {figure} {value}, in epoch {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/plot.py"/>
        <source>best {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>best {value} in epoch {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>by colour interpretation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>by description</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>by wavelength</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/interpreter_box.py"/>
        <source>choice on this page</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>comes with the plugin</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>compute saved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>decoded by {experts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/plot.py"/>
        <source>epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_process.py"/>
        <source>exit code {code}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>expert {number} with {weight}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_parameters.py"/>
        <source>expert: a new expert on the encoder as it is, with a row of the switcher of its own. switcher: only the switcher&apos;s rows of the experts that the tiles tell about, in a minute or so. finetune: an expert of the bundle is trained further.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>from metadata</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>from the Sentinel-2 product</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>from {source}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>guessed from the values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>hydranet,bands,stack,merge,reflectance,sentinel-2,superdove,planet,worldview,phisat-2,8 bands,geotiff</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>hydranet,evaluation,validation,accuracy assessment,confusion matrix,iou,f1,kappa,precision,recall,reliability,ground truth,reference,report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/predict.py"/>
        <source>hydranet,mixture of experts,moe,deep learning,segmentation,classification,satellite,phisat-2,sentinel-2,tiles,routing,clouds,water,land cover,objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>hydranet,mixture of experts,moe,deep learning,training,fine-tuning,transfer learning,segmentation,switcher,routing,own data,learning curves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <source>hydranet,mixture of experts,moe,object detection,instances,ships,vessels,boats,buildings,satellite,phisat-2,sentinel-2,count</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/route.py"/>
        <source>hydranet,mixture of experts,moe,routing,switcher,scores,heatmap,triage,satellite,phisat-2,sentinel-2,tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/reroute.py"/>
        <source>hydranet,mixture of experts,moe,routing,what if,policy,threshold,top-k,recall,decode</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/export_tiles.py"/>
        <source>hydranet,training,labels,tiles,routerset,chips,samples,ground truth,polygons,split,catalogue,deep learning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>in the order of {sensor}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/tiles.py"/>
        <source>it is too large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/tiles.py"/>
        <source>it lists no tasks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/tiles.py"/>
        <source>its format is {format}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_process.py"/>
        <source>killed by {signal}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_process.py"/>
        <source>killed by {signal}, often a lack of memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/interpreters.py"/>
        <source>known to the py launcher</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>larger than {count} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>layer {number}: {groups}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>left out when the run was asked for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>made by Set up… in this QGIS profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>made by hand in this QGIS profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <location filename="../../hydranet_qgis/dock/object_shares.py"/>
        <source>mean {score}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>model_uncertainty_… is the part of it about which the expert&apos;s heads disagree.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>need {task}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/outcome_bar.py"/>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>no data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>no reason given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>no scores</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>none found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>not among the {k} strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>not asked for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>not the strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>not trained for pixels of this size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/prepare_bands.py"/>
        <source>nothing says which band it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>nothing was said</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>number {rank} of the strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>of the plugin&apos;s checkout</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/interpreters.py"/>
        <source>on PATH</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>one of {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/outcome_bar.py"/>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>outside the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/failures.py"/>
        <source>pip cannot use a SOCKS proxy; set an HTTP proxy in Settings &gt; Options &gt; Network, or use a folder of wheels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>reaches its threshold {limit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>reaches its threshold {limit}, but a stronger expert was taken (k = {k})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>reaches its threshold {limit}, but a stronger expert would be taken (k = {k})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>reaches its threshold {limit}, but {count} stronger experts were taken (k = {k})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>reaches its threshold {limit}, but {count} stronger experts would be taken (k = {k})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>recall, at most {rate} % missed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>recall, ≤ {rate} % missed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/outcome_bar.py"/>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>routed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>scale and offset of each band</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>scene and scene_score are the class that the expert {title} gives the tile and its probability, scene_branches the branches that served it, counted from 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>size not known: the scene tells no size of its pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/worker_process.py"/>
        <source>still running</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>the ending {suffix} is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/inputs.py"/>
        <source>the name of a sensor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/block_copy.py"/>
        <source>the source does not answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>the strongest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/interpreters.py"/>
        <source>the system&apos;s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>the tile has no data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>the tile lies outside the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>the usual ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_legend.py"/>
        <source>threshold {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_parameters.py"/>
        <source>threshold: an expert decodes a tile if its score reaches the threshold calibrated for it, so a tile may need none. top-k: always the strongest experts, whatever their score. recall: every expert that is needed to miss no more than the share below; more are decoded, fewer missed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>top-k, the strongest of every tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>top-k, the {k} strongest of every tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/setup_box.py"/>
        <source>torch and what else the worker needs go into a folder of this QGIS profile only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>torch cannot load its libraries; install the Microsoft Visual C++ Redistributable (x64) and press Set up again. {text}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>trained for pixels of {smallest} to {largest} m</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/state.py"/>
        <source>training loss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>uncertainty {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>uncertainty {total} (model {model})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>uncertainty_… is the mean uncertainty of an expert over the tile, 0 to 1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/objects_style.py"/>
        <source>unknown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>unsuited pixel size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/state.py"/>
        <source>validation loss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>value × {scale}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment.py"/>
        <source>variable {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>would be decoded by {experts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>would be decoded: reaches its threshold {limit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>would be decoded: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>{bands} missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>{bands} synthesised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>{count} bands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{count} epochs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_model.py"/>
        <source>{count} objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>{count} objects in {tiles} of {total} tiles; elsewhere none was looked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tiles_page.py"/>
        <source>{count} selected, {rest}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>{count} tiles encoded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{count} times</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>{expert} looked at the tile and found none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>{expert} of {scene}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>{expert}, fine-tuned</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train.py"/>
        <source>{expert}, new</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/score_bars.py"/>
        <source>{expert}: no score, {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/score_bars.py"/>
        <source>{expert}: score {score}, threshold {threshold}, {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_bars.py"/>
        <source>{expert}: {before} tiles now, {after} then; {added} to decode, {dropped} to drop, {seams} again for the seams</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>{expert}: {count} found ({classes})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/run_algorithm.py"/>
        <source>{expert}: {tiles} of {total} tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/evaluate.py"/>
        <source>{figures}; {pixels} pixels compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{figure} {value} now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>{folder} cannot be written: {why}; check its owner and the free space.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{folder} is not a HydraNet run: it has no {file}; choose a run&apos;s own folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/run_list.py"/>
        <source>{folder} is not there; put it back, or open the run where it is now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/run_panel.py"/>
        <source>{hidden} of the {count} tiles selected on the map are hidden by the filters.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{hours} h</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{hours} h {minutes} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>{kind} {number}, score {score}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>{length} long</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>{length} long, {width} wide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/object_words.py"/>
        <source>{length} m</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{minutes} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{minutes} min {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/bundles.py"/>
        <source>{name} (comes with the plugin)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/bundles.py"/>
        <source>{name} (missing)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_filters.py"/>
        <source>{name} ({count})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/run_list.py"/>
        <source>{name} · not there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>{number} h</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>{number} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>{number} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/what_if_words.py"/>
        <source>{number} {unit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>{parameter} is &apos;{name}&apos;, but {what} does not use it; leave it empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>{parameter} names &apos;{name}&apos;, which finds objects; name one of {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>{parameter} names &apos;{name}&apos;, which is none of the model bundle&apos;s experts {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/drop.py"/>
        <source>{path} belongs to no HydraNet run: there is no {file}; drop a run&apos;s folder, or one of its files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/heat_strip.py"/>
        <source>{path} cannot be loaded; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{path} cannot be read ({error}); run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/scene_pixels.py"/>
        <source>{path} cannot be read any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/bundle_info.py"/>
        <source>{path} cannot be read: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/routing_sink.py"/>
        <source>{path} cannot be read; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>{path} cannot be written ({error}); choose a folder you may write to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_page.py"/>
        <source>{path} cannot be written; choose a folder you may write to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{path} does not describe a HydraNet run; choose a run&apos;s own folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{path} has format &apos;{found}&apos;, this plugin reads &apos;{known}&apos;; update the plugin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{path} is damaged ({kind}: {error}); run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/object_records.py"/>
        <location filename="../../hydranet_qgis/tile_records.py"/>
        <source>{path} is in use by another program; close it there and choose the run again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/judged.py"/>
        <source>{path} is missing or cannot be read; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/results.py"/>
        <source>{path} is missing or damaged, so its layer is left out; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/object_records.py"/>
        <location filename="../../hydranet_qgis/tile_records.py"/>
        <source>{path} is missing or holds no layer &apos;{layer}&apos;; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects_sink.py"/>
        <source>{path} is missing or holds no layer of objects; run HydraNet again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/bundle_info.py"/>
        <source>{path} lists no experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>{policy}, at most {k} per tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_facts.py"/>
        <source>{policy}; thresholds {listed}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/environment_page/bundle_box.py"/>
        <source>{problem}; choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/objects.py"/>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>{problem}; choose another model bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/setup/steps.py"/>
        <source>{program} cannot be started: {why}; choose another Python.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/outcome_bar.py"/>
        <source>{routed} routed, {abstained} abstained, {empty} without data, {masked} outside the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>{scene} · branch {branches}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>{scene} · branches {branches}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>{score} is below its threshold {limit}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/progress.py"/>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_detail.py"/>
        <source>{share} % valid pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tiles_page.py"/>
        <source>{shown} of {total} tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{spent} of the {whole} multiply-accumulates of every expert on every tile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_inputs.py"/>
        <source>{target} cannot be saved in the folder of the tiles; choose another place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>{task} has pixels of {classes}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/tiles_summary.py"/>
        <source>{task} is needed in {splits}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{text}; of its threads&apos; time {encode} in the encoder and {decode} in experts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/expert_shares.py"/>
        <source>{tiles} · {share} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{times} since the run was made; only what was missing was decoded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/summary_card.py"/>
        <source>{time} in all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{time} spent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>{time}: given another policy; {added} decoded in addition, {dropped} dropped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/layer_metadata.py"/>
        <source>{time}: made by HydraNet ({versions}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{title} (failed)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{title} (running)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/run_folder.py"/>
        <source>{title} (simulated)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{title} (stopped)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/uncertainty.py"/>
        <source>{top} or more – the heads disagree</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tiles_page.py"/>
        <source>{total} tiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/train_inputs.py"/>
        <source>{tune} is to become the new expert {name}, but the model bundle has one of that name already; leave TUNE empty to train that one further.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>{what}, but the chosen model bundle has only {names}; leave {parameter} empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/algorithms/expert_outputs.py"/>
        <source>{what}, but the experts are limited to {names}; add it there, or leave {parameter} empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/training/words.py"/>
        <source>{why}; kept is epoch {epoch}, the best.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../hydranet_qgis/dock/tile_words.py"/>
        <source>{why}; trained on simulated data only</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
